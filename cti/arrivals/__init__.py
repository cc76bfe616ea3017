"""Steps 1 to 4 behind a PBX: a call rings at one of our ports, and several sources say who calls."""
