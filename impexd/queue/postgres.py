"""Procrastinate's own connector, with the outcome of a job and the bell in our hands."""

from collections.abc import Iterable
from typing import Any

import anyio
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify

from impexd.queue.line import FETCH, FINISH, RETRY, Line


class PostgresConnector(PsycopgConnector):
    """Speaks to PostgreSQL through a small pool of its own, and listens."""

    def __init__(self, url: str, line: Line) -> None:
        super().__init__(conninfo=url, min_size=1, max_size=6, timeout=10.0)
        self._line = line

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        """Run a query that gives nothing; the outcome of a job goes to the `Line`."""
        if query in {FINISH, RETRY}:
            await self._line.settle(query, arguments)
        else:
            await super().execute_query_async(query, **arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        """Run a query that gives one row; a fetched job is remembered."""
        while True:
            rung = self._line.rung
            row: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
            if query != FETCH:
                return row
            # The worker forgets the bells that rang while it looked: look again.
            if row["id"] is not None or rung == self._line.rung:
                self._line.took(row)
                return row

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Pass on our own bell, which what the server says rings too, until cancelled."""

        async def heard(*, channel: str, payload: str) -> None:
            self._line.wake()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._line.listen, on_notification)
            await super().listen_notify(heard, channels)

    async def _loop_notify(self, *args: Any, **more: Any) -> None:
        # Listening from now on; what was said before, nobody heard.
        self._line.wake()
        await super()._loop_notify(*args, **more)
