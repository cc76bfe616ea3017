"""The PBX over RS232: SMDI says which call is on which line (steps 2 to 4), SMDR says how it ended (step 9)."""
