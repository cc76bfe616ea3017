"""Joins the simulated world and the server: the demo, the stepped runs. The only place that imports both."""
