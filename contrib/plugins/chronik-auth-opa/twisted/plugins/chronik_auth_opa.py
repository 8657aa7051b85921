"""The ``auth:opa`` backend. Strings only: the module loads when the backend is chosen."""

from chronik.plugin import BackendMaker

opa = BackendMaker(
    "auth",
    "opa",
    "Decisions of an HTTP policy service such as Open Policy Agent.",
    "url (required): of the rule, as in http://127.0.0.1:8181/v1/data/chronik/allow. timeout.ms (1000): how long an answer may take. "
    "cache.ttl.ms (5000) and cache.max.entries (10000): how long a decision is remembered, and how many; 0 for none. token.file: a file with "
    "a bearer token. While the service does not answer, everything that is not remembered is refused. super.users may do everything.",
    "chronik.security.interfaces:IAuthorizer",
    "chronik_auth_opa.authorizer:make",
)
