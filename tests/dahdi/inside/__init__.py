"""What runs inside the DAHDI machine: named there file by file, never collected on the host, which has no driver."""
