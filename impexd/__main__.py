"""`python -m impexd`."""


def main() -> None:
    """Run the command line."""
