"""Step 9 behind a PBX: its records find their calls, and say who is free."""
