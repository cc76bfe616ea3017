"""The central office (step 1): subscribers' lines and E1s towards the PBX or the server, and the town behind it."""
