"""
Numbers of rows as requests name them: bounded, for a database counts no further.

A longer number is refused like any other word that fits nothing, before it comes near SQL.
"""

from typing import Annotated

from fastapi import Path, Query

FAR = 1 << 62

Id = Annotated[int, Path(gt=-FAR, lt=FAR)]
"""The row that a path is about."""

Before = Annotated[int | None, Query(gt=-FAR, lt=FAR)]
"""The row a list goes on before, or that it is about; none if not said."""

After = Annotated[int, Query(ge=0, lt=FAR)]
"""The row, or place, a list goes on after."""
