"""The ground floor: errors, clock, log, durable file moves.  Knows nothing of commerce."""
