"""From a session or a token, as found, to who asks with it.  Pure."""

from impexd.model.people import EVERY, Who
from impexd.store.sessions import Session, Token


def of_session(found: Session, address: str) -> Who:
    """Pure: who is signed in."""
    one = found.person
    return Who(
        one.name,
        one.role,
        one.groups,
        one.shops,
        person=one.id,
        session=found.id,
        via="session",
        address=address,
    )


def of_token(found: Token, address: str) -> Who:
    """Pure: who a token is of: it reaches no further than its person, whatever they lost since."""
    one = found.person
    return Who(
        one.name,
        found.role if one.role.reaches(found.role) else one.role,
        both(found.groups, one.groups),
        both(found.shops, one.shops),
        person=one.id,
        token=found.id,
        via="token",
        address=address,
    )


def rights(who: Who) -> tuple[object, ...]:
    """Pure: what somebody may; another one has lost or won something."""
    return who.person, who.role, who.groups, who.shops


def both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Pure: what both grants reach."""
    if EVERY in one:
        return other
    if EVERY in other:
        return one
    return tuple(name for name in one if name in other)
