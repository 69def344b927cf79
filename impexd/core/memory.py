"""What the C library keeps of the memory that was given back."""

import ctypes
import gc

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


def trim() -> bool:
    """Give back what is free after a start, which needs more than what comes then; False if nothing is."""
    gc.collect()
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False
