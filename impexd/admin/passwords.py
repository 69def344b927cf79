"""
Passwords: argon2id, made and checked off the loop, one at a time: each takes 19 MiB and 20 ms.

What a good password is follows OWASP ASVS 5.0, 6.2: long enough, not one that everybody uses,
not made of the name; nothing about digits and capitals.
"""

from functools import lru_cache

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_COMMON = (
    "password",
    "passwort",
    "123456",
    "654321",
    "qwerty",
    "qwertz",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "changeme",
    "impexd",
    "abcdef",
    "trustno1",
    "monkey",
    "dragon",
    "football",
    "sunshine",
)
"""What the passwords of all leaks are made of; a password that is nothing else is none."""


def fault(password: str, name: str) -> str:
    """Pure: say what is wrong with a password; "" if nothing is."""
    if len(password) < SHORTEST:
        return f"a password of at least {SHORTEST} characters is wanted; a short sentence does well"
    if len(password) > LONGEST:
        return f"a password may have {LONGEST} characters"
    rest = password.casefold()
    for known in (name.casefold(), *_COMMON):
        rest = rest.replace(known, "") if known else rest
    if len(rest.strip("0123456789!.,-_ ")) < 3 or len(set(password)) < 5:
        return "this password is among the first that anybody would try"
    return ""


async def made(password: str) -> str:
    """Give what is kept of a password."""
    return await anyio.to_thread.run_sync(_HASHER.hash, password, limiter=_limiter())


async def right(password: str, kept: str | None) -> bool:
    """Is it this one?  Takes as long for somebody unknown (None) as for anybody else."""
    ok = await anyio.to_thread.run_sync(_right, password, kept or _nobody(), limiter=_limiter())
    return ok and kept is not None


def _right(password: str, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, password[: LONGEST * 4])
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")


_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("passwords")


def _limiter() -> anyio.CapacityLimiter:
    """One for each loop: a limiter must not be shared between them."""
    try:
        return _LIMITER.get()
    except LookupError:
        _LIMITER.set(anyio.CapacityLimiter(1))
        return _LIMITER.get()
