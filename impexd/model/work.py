"""What a worker process says about its work, whatever the work is: frozen structs as JSON."""

from typing import Literal

from impexd.model.base import Model


class Progress(Model):
    """A sign of life."""

    phase: str
    rows: int
    done: float
    """Share of the work, 0 to 1."""


class Trouble(Model):
    """Why an order was not carried out."""

    kind: Literal["world", "bug"]
    what: str
    hint: str = ""
    trace: str = ""
