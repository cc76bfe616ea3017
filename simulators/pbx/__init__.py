"""The simulated PBX (steps 2, 3, 4, 7 and 9) and its makes, each by its own tables."""
