"""The kinds of exporters that come with impexd; each is plugged in like those of others."""
