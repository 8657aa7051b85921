"""The ``auth:htpasswd`` backend. Strings only: the module loads when the backend is chosen."""

from chronik.plugin import BackendMaker

htpasswd = BackendMaker(
    "auth",
    "htpasswd",
    "Users of an htpasswd-like file and rules of a plain text file.",
    "users (required): path of the users file. rules (required): path of the rules file. Both are read when the broker starts.",
    "chronik.security.interfaces:IAuthorizer",
    "chronik_auth_htpasswd.security:make",
)
