"""
The folder of tools and data that lies beside the repository and is no part of it.

Tests that need it are collected only where it is.
"""

import os
from pathlib import Path

SHARED = Path(os.environ.get("IMPEXD_SHARED", Path(__file__).parents[2] / "shared"))
HOSTILE = SHARED / "tools" / "hostile"
