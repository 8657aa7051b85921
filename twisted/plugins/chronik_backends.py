"""The backends that come with Chronik. Strings only: a module loads when its backend is chosen."""

from chronik.plugin import BackendMaker

_STORAGE = "chronik.storage.interfaces:ILogStore"
_INDEX = "chronik.search.interfaces:ISearchBackend"
_AUTH = "chronik.security.interfaces:IAuthorizer"
_TOKENS = "chronik.security.interfaces:ITokenValidator"
_USERS = "chronik.security.interfaces:ICredentialStore"
_METADATA = "chronik.metadata.interfaces:IMetadataStore"

segment = BackendMaker(
    "storage",
    "segment",
    "Kafka's segment files in the directories of log.dirs (default).",
    "Each partition is a directory of segment files in Kafka's own format, spread over the directories of log.dirs. It has no options.",
    _STORAGE,
    "chronik.storage.backends:make_segment_store",
)

memory_log = BackendMaker(
    "storage",
    "memory",
    "Logs in memory, gone when the broker stops; for tests and demonstrations.",
    "The same log over a file system in memory. Nothing survives a stop. It has no options.",
    _STORAGE,
    "chronik.storage.backends:make_memory_store",
)

tantivy = BackendMaker(
    "index",
    "tantivy",
    "Full-text indexes by Tantivy (default).",
    "One index for the recent records of all partitions and immutable ones for older runs, below .search in the log directory. It has no options.",
    _INDEX,
    "chronik.search.backends.makers:make_tantivy",
)

sqlite = BackendMaker(
    "index",
    "sqlite",
    "Full-text indexes by SQLite's FTS5: small and dependable, slower on big topics.",
    "The same layout as tantivy's with an SQLite file for each index. It has no options.",
    _INDEX,
    "chronik.search.backends.makers:make_sqlite",
)

none = BackendMaker(
    "index",
    "none",
    "No search: no search process runs and every topic counts as search.mode=off.",
    "It has no options.",
    _INDEX,
    "chronik.search.backends.makers:make_none",
)

allow_all = BackendMaker(
    "auth",
    "allow-all",
    "Everybody may do everything (default).",
    "For a broker that only trusted programs reach. It knows no users. It has no options.",
    _AUTH,
    "chronik.security.allow_all:make",
)

acl = BackendMaker(
    "auth",
    "acl",
    "Kafka's access control lists, and roles; what neither allows is refused.",
    "Both are kept in the metadata and changed by kafka-acls, chronik acls, chronik roles and over HTTP; a change counts at once. super.users names "
    "who may do everything. It knows no users. It has no options.",
    _AUTH,
    "chronik.security.acl.authorizer:make",
)

file_auth = BackendMaker(
    "auth",
    "file",
    "Users and rules of a TOML file; what no rule allows is refused.",
    "path (required): the file. [users] holds a password hash a user; each [[rules]] table says principal, host, operation, resource, name, "
    "pattern (literal, prefixed) and permission (allow, deny). A deny wins. The file is read when the broker starts.",
    _AUTH,
    "chronik.security.file_store:make",
)

jwks_tokens = BackendMaker(
    "auth",
    "jwks",
    "Bearer tokens that are JSON Web Tokens, by the keys that their issuer publishes.",
    "It says whether bearer tokens are good, and neither knows passwords nor decides what anybody may do. It goes by the keys sasl.oauthbearer.*, "
    "and has no options of its own. It is the default of token.validator where sasl.oauthbearer.jwks.endpoint.url is set.",
    _TOKENS,
    "chronik.security.tokens.jwks:make",
)

metadata_users = BackendMaker(
    "auth",
    "metadata",
    "Users in the cluster's metadata, made by chronik users and by Kafka's own tools (default of credential.store).",
    "It keeps SCRAM credentials, which prove a password and do not tell it, and says nothing of who may do what. It has no options.",
    _USERS,
    "chronik.security.metadata_store:make",
)

file_metadata = BackendMaker(
    "metadata",
    "file",
    "A journal file beside the log, for one broker (default).",
    "Every change is synced before it counts. The journal is below .metadata in the first directory of log.dirs. It has no options.",
    _METADATA,
    "chronik.metadata.backends:make_file_store",
)

memory_metadata = BackendMaker(
    "metadata",
    "memory",
    "In memory, gone when the broker stops; for tests.",
    "Nothing survives a stop: topics are forgotten even when their data is not. It has no options.",
    _METADATA,
    "chronik.metadata.backends:make_memory_store",
)
