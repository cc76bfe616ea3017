"""One module a version of the database, in the order of their numbers."""
