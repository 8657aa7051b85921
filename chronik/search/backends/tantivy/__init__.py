"""The tantivy backend: schema, compiled queries, stores. Only search processes import it."""
