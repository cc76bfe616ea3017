"""The VRU: its lines, what it says, the menu, the waiting caller, the message (steps 3 to 6)."""
