"""Orders: their state machine, what its steps do to stock, and what messages do to them."""
