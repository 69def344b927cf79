"""`python -m impexd`, and the `impexd` command."""

import sys

from impexd.core import lean


def main() -> int:
    """Do what the command line says; gives the exit status."""
    lean.structlog()
    from impexd import cli  # only now: it brings structlog

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
