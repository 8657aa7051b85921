"""Who may do what: principals, credentials, authorizers."""
