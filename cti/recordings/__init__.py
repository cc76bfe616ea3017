"""Recordings of conversations: made where our own cards connect them, found and played by those who may (step 9)."""
