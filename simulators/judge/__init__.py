"""What the server says of its calls against what the world saw."""
