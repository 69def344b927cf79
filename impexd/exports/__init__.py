"""Exports: query -> render -> publish."""
