"""Whether and when a job that ended badly is begun again."""

import asyncio
from datetime import timedelta

from procrastinate import RetryDecision
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

from impexd.core.backoff import Backoff, chance
from impexd.core.clock import Clock
from impexd.core.errors import ImpexError


def passing(error: BaseException) -> bool:
    """Pure: does trying again make sense?  Of a group, if it does for each of it."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(passing, error.exceptions))
    return isinstance(error, ImpexError) and error.passing


class Retries(BaseRetryStrategy):
    """At once for what was cut short, later and later for what may pass, else never."""

    def __init__(self, backoff: Backoff, clock: Clock) -> None:
        self._backoff = backoff
        self._clock = clock

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Give the moment of the next attempt; None for none."""
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=self._clock.now())
        if not passing(exception):
            return None
        wait = self._backoff.delay(job.attempts + 1, chance=chance(self._clock))
        return RetryDecision(retry_at=self._clock.now() + timedelta(seconds=wait))
