"""
Hear: what a message of a feed does to the order it is about.

Takes a message in our words and the caller's transaction; gives what became of it.  The caller
keeps the outcome beside the message in the same transaction.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.model.config import Config
from impexd.model.message import Heard, Message, Outcome


async def apply(tx: AsyncConnection, config: Config, message: Message, *, clock: Clock) -> Heard:
    """
    Apply one message, whole, in the caller's transaction.

    The same message applied again, late, or in another order, moves nothing back.  An order that
    is not there, or not that far, parks it.  Raises only what the database raises.
    """
    return Heard(Outcome.PARKED, "no order of this number")
