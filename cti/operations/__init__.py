"""Those who run the server: control socket, figures, log, drain, watchdog."""
