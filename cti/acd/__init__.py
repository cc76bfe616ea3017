"""Automatic call distribution: agents, queues, and who gets whom (steps 6 and 7)."""
