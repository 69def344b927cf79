"""Export tasks: what partners are to be told."""
