"""Bearer tokens (JWT, by the keys of whoever issues them) and delegation tokens (KIP-48)."""
