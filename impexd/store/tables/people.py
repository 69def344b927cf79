"""Users, sessions, tokens, and the audit of what they did."""
