"""The units of conf/systemd under a real systemd, with a simulated world at the server's wires: see __main__."""
