"""What is handed out: set-up from a bare PC, the wheel, the command line's first impression."""
