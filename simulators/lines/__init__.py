"""What runs between the parties of the world: line states, tones, caller ID, serial lines."""
