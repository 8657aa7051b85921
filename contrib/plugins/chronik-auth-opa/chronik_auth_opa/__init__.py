"""An authorizer that asks an HTTP policy service such as Open Policy Agent, for Chronik."""
