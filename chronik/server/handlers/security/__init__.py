"""APIs by which clients prove who they are, and by which users, access control lists and tokens are administered."""

from chronik.server.api import Api
from chronik.server.handlers.security import acls

APIS: tuple[Api, ...] = (*acls.APIS,)
