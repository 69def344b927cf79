"""Feeds: couriers are asked, or push, or drop files; what they say is kept, then applied to orders."""
