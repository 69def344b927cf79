"""impexd: an import/export daemon for commerce data."""

__version__ = "0.1.0"
