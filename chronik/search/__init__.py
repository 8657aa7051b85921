"""Full-text search over the log: the broker's side and the search processes' side."""
