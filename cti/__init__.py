"""Tipring's control half: call control, VRU, ACD, desks and records, on Twisted. Everything slow lives here."""
