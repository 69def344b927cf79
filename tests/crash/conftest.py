"""Instances with real processes."""

from tests.processes import bare, site

__all__ = ["bare", "site"]
