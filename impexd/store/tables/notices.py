"""What was told to operators, and the log of each run."""
