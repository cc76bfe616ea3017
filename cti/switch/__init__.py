"""Who connects a caller to an agent: one interface, one implementation a topology (step 7)."""
