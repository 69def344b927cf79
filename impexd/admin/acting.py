"""
Who the request that is being answered comes from.

Set at the door, for as long as a request lasts; read wherever something asks "who?".  A body may
name an `actor` (that is how a command says who sits at the keyboard), but only somebody on this
machine is believed: for everybody else the field holds the name they signed in with.
"""

from contextvars import ContextVar, Token
from typing import Annotated

from pydantic import AfterValidator, Field

from impexd.core.errors import ImpexError
from impexd.core.text import shown
from impexd.model.people import LOCAL, Who

_WHO: ContextVar[Who] = ContextVar("who", default=LOCAL)


class Denied(ImpexError):
    """This is not for you."""


def who() -> Who:
    """Who asks."""
    return _WHO.get()


def enter(one: Who) -> Token[Who]:
    """Have everything know who asks, until `leave`."""
    return _WHO.set(one)


def leave(token: Token[Who]) -> None:
    """End what `enter` began."""
    _WHO.reset(token)


def _true(said: str | None) -> str | None:
    one = who()
    return said if one.person is None else one.name


Actor = Annotated[str | None, Field(max_length=100, validate_default=True), AfterValidator(_true)]
"""A field of a body: who wants it; whatever is said, the truth."""


def need_group(name: str) -> None:
    """Raise `Denied` if who asks has no grant for a group."""
    if not who().group(name):
        raise Denied(f"you have no grant for the group {shown(name)}", hint=ASK)


def need_shop(name: str | None) -> None:
    """Raise `Denied` if who asks has no grant for a shop."""
    if not who().shop(name or ""):
        raise Denied(f"you have no grant for the shop {shown(name or '')}", hint=ASK)


ASK = "an administrator can give it to you"
