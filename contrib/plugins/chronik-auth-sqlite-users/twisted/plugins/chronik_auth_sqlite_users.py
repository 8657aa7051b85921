"""The ``auth:sqlite-users`` backend. Strings only: the module loads when the backend is chosen."""

from chronik.plugin import BackendMaker

sqlite_users = BackendMaker(
    "auth",
    "sqlite-users",
    "Users, groups and passwords of a SQLite database.",
    "path (required): the database, made by python -m chronik_auth_sqlite_users. It is read at every login and never written by the broker. It says "
    "nothing of who may do what.",
    "chronik.security.interfaces:ICredentialStore",
    "chronik_auth_sqlite_users.store:make",
)
