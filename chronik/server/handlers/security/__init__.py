"""APIs by which clients prove who they are, and by which users, access control lists and tokens are administered."""

from chronik.server.handlers.security import acls, delegation_tokens, sasl, scram

APIS = (*sasl.APIS, *scram.APIS, *acls.APIS, *delegation_tokens.APIS)
