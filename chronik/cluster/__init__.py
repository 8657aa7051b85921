"""The controller's work: topics, assignment, configuration changes."""
