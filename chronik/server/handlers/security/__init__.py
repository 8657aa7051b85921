"""APIs by which clients prove who they are, and by which users, access control lists and tokens are administered."""

from chronik.server.handlers.security import sasl, scram

APIS = (*sasl.APIS, *scram.APIS)
