"""Who calls when and does what, from a seed or from a text table; what is wrong in the world."""
