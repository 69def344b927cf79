"""`python -m impexd`, and the `impexd` command."""

import sys

from impexd.cli import main

if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
