"""The agents' PCs over the LAN: log-in, states, and the pop-up that is there before the telephone rings (step 8)."""
