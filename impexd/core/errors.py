"""
Everything that goes wrong on purpose.

ImpexError
├── ConfigError       etc/ is wrong; correct it and start again
├── UsageError        the command was called wrongly, or names something that is not there
├── DataError         a file or a message is wrong; it is set aside for a person
├── WorldError        the outside failed; wait and try again
│   ├── Unreachable   a courier, a mail relay, the database did not answer
│   ├── Changed       a file changed under our hands; it goes back to settle
│   └── Fenced        another worker has taken this run over; what we hold is void
├── Busy              another daemon has the instance (or an inbox)
├── Unsafe            the database or the disk cannot keep what we promise; we refuse to start
└── PluginError       a plug-in raised something of its own

A bad *row* is no error: it is a `Problem`, a value, and belongs in a report.
"""

from collections.abc import Sequence
from typing import ClassVar


class ImpexError(Exception):
    """Something went wrong."""

    passing: ClassVar[bool] = False
    """Does trying again later make sense?"""
    exit_code: ClassVar[int] = 1
    """What a command that ends with it returns to its caller."""

    def __init__(self, what: str = "", *, hint: str = "") -> None:
        super().__init__(what or (type(self).__doc__ or "").strip())
        self.hint = hint
        """What the operator can do about it; "" if nothing."""


class ConfigError(ImpexError):
    """The configuration is wrong."""

    exit_code = 78

    def __init__(self, mistakes: Sequence[str], *, hint: str = "") -> None:
        self.mistakes = tuple(mistakes)
        """One `file:line: key: what is wrong, what would be right` for each mistake."""
        super().__init__("\n".join(mistakes), hint=hint)


class UsageError(ImpexError):
    """The command was called wrongly."""

    exit_code = 2


class DataError(ImpexError):
    """A file is wrong as a whole; none of it is loaded."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        line: int | None = None,
        column: str | None = None,
        cell: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(what, hint=hint)
        self.code = code
        """A stable word for programs, one of `model.problem.Code`."""
        self.line = line
        self.column = column
        self.cell = cell


class WorldError(ImpexError):
    """The outside failed; trying again later makes sense."""

    passing = True


class Unreachable(WorldError):
    """A peer did not answer."""


class Changed(WorldError):
    """A file changed while it was ours."""


class Fenced(WorldError):
    """Another worker has taken this run over."""


class Busy(ImpexError):
    """Another daemon has this instance."""

    exit_code = 75


class Unsafe(ImpexError):
    """The store cannot keep what impexd promises."""

    exit_code = 78


class PluginError(ImpexError):
    """A plug-in raised something of its own."""
