"""The agents' PCs over the LAN: log-in, states, and the pop-up that is there as the telephone is called (step 8)."""
