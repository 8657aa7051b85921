"""Users of an htpasswd-like file and rules of a plain text file, for Chronik."""
