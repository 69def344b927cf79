"""What libraries bring along when they find it, and we never use: left out."""

import sys
from importlib import import_module


def structlog() -> None:
    """
    Load structlog without rich, which it wants for tracebacks of a kind that we do not print.

    With rich comes a highlighter of source code: three megabytes in every process.  To be called before
    anything else is loaded; whoever wants rich itself (the tables of commands) loads it as ever.
    """
    if "rich" not in sys.modules:
        sys.modules["rich"] = None  # type: ignore[assignment]
        try:
            import_module("structlog")
        finally:
            del sys.modules["rich"]
