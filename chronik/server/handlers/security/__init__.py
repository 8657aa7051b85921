"""APIs by which clients prove who they are, and by which users, access control lists and tokens are administered."""

from chronik.server.api import Api

APIS: tuple[Api, ...] = ()
