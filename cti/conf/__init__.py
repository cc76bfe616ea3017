"""Files that people write, checked field by field: every fault at once, with file, line and remedy."""
