"""What keeps a service well: its health and figures, logs of runs, backups, and letting go of what is old."""
