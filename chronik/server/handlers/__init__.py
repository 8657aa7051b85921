"""One module per API family: the handlers and their rows of the API table."""
