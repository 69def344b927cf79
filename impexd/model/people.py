"""
Who may do what: roles that build on each other, and grants for groups and shops.

`Who` is the person (or program) behind a request, as found at the door; everything that asks
"may they?" asks it.  Frozen values; nothing here is looked up.
"""

from dataclasses import dataclass
from enum import StrEnum

EVERY = "*"
"""The grant for all groups, or all shops, those to come too."""


class Role(StrEnum):
    """What somebody may do; each may all that those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    def reaches(self, least: "Role") -> bool:
        """Pure: is this role at least the other one?"""
        return _ORDER.index(self) >= _ORDER.index(least)


_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks."""

    name: str
    role: Role
    groups: tuple[str, ...] = (EVERY,)
    """Groups they may see and work on."""
    shops: tuple[str, ...] = (EVERY,)
    """Shops whose orders they may see and work on."""
    person: int | None = None
    """The number of their account; None for who is on this machine, through the socket."""
    session: int | None = None
    token: int | None = None
    via: str = "socket"
    """socket, session, token."""
    address: str = ""

    def reaches(self, least: Role) -> bool:
        """Pure: is their role enough?"""
        return self.role.reaches(least)

    def group(self, name: str) -> bool:
        """Pure: have they a grant for this group?"""
        return EVERY in self.groups or name in self.groups

    def shop(self, name: str) -> bool:
        """Pure: have they a grant for this shop?"""
        return EVERY in self.shops or name in self.shops

    @property
    def bounded(self) -> tuple[str, ...] | None:
        """The only groups they may see; None if they may see all."""
        return None if EVERY in self.groups else self.groups

    @property
    def bounded_shops(self) -> tuple[str, ...] | None:
        """The only shops they may see; None if they may see all."""
        return None if EVERY in self.shops else self.shops


LOCAL = Who("local", Role.ADMIN)
"""Whoever may open the socket of the daemon: the file's mode has checked that."""
