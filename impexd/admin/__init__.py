"""The JSON API (and the pages that grow from it): what commands and people ask the daemon."""
