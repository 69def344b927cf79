"""What feeds said, and where each feed stands."""
