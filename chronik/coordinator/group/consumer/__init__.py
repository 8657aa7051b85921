"""Consumer groups of the newer protocol (KIP-848): the broker assigns, and each member is reconciled with its assignment by itself."""
