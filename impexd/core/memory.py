"""What the C library keeps of the memory that was given back."""

import ctypes

_ARENAS = -8
"""M_ARENA_MAX of glibc's malloc.h."""


def thrifty(arenas: int = 2) -> bool:
    """
    Have all threads share a few arenas; False where the C library knows nothing of it.

    glibc gives each thread an arena of its own, up to eight a core, and gives none of them back: a
    daemon of a dozen threads, most of them asleep, holds tens of megabytes that nobody uses.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_ARENAS, arenas))
    except (OSError, AttributeError):
        return False
