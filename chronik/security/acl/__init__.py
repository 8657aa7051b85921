"""Access control lists and roles: an index over them, and the authorizer that goes by it."""
