"""Index backends: tantivy (default), sqlite (FTS5) and none."""
