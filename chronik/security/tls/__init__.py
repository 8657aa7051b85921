"""TLS: certificates and keys from files, contexts of listeners and of clients, and whom a certificate stands for."""
