"""
Webhooks while a large import runs, and through kill -9: how long each waits, and whether any is lost.

    python -m tests.bench.webhook_bench [--rows 1000000] [--messages 10000] [--kills 2]

Starts the daemon, drops a file of so many rows into its inbox, and posts signed messages while it is
staged and applied, killing the daemon now and then.  A message that was not answered is sent again, as
a courier would.  Prints how long answers took, and compares what is kept with what was confirmed.
"""

import argparse
import base64
import hmac
import io
import json
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2

from tests.bench import import_bench
from tests.processes import Running, Site, until

SECRET = "s3cret"
TOGETHER = 16
"""Messages on their way at the same time."""


@dataclass
class Seen:
    """What the courier saw."""

    waits: list[float] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    again: int = 0
    kills: int = 0
    seconds: float = 0.0
    kept: int = 0
    lost: int = 0
    doubled: int = 0
    overlap: int = 0
    """Messages that were confirmed before the import was applied."""
    applied: bool = False

    @property
    def worst(self) -> float:
        """The longest wait for an answer, in seconds."""
        return max(self.waits, default=0.0)


def etc(port: int) -> dict[str, str]:
    """An instance with an import and a webhook."""
    return import_bench.ETC | {
        "descriptors/articles.toml": import_bench.descriptor("csv"),
        "impexd.toml": f'[log]\nformat = "json"\n[webhooks]\nlisten = "127.0.0.1:{port}"\n',
        "feeds/plain.toml": 'kind = "map"\n[message]\nid = "id"\norder = "order"\nstatus = "status"\n',
        "feeds/hook.toml": 'kind = "webhook"\nmap = "plain"\nscheme = "aftership"\n'
        'secrets = [{ env = "BENCH_SECRET" }]\nrate = 100000\n',
    }


def drill(home: Path, *, rows: int, messages: int, kills: int) -> Seen:
    """Post messages through an import and some deaths; gives what was seen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    site = Site(home, etc(port))
    source = home / "articles.zip"
    import_bench.generate(source, rows, "csv", True)
    seen = Seen()
    daemon = _begun(site, port)
    try:
        site.drop("articles.zip", source.read_bytes(), group="bench")
        # The last death comes before the last quarter, so that there is an import to be seen.
        deaths = [messages * (n + 1) // (kills + 2) for n in range(kills)]
        started = time.monotonic()
        done = 0
        for upto in (*deaths, messages):
            ids = [f"evt-{n}" for n in range(done, upto)]
            left = anyio.run(_posted, port, ids, seen, lambda: _applied(site))
            done = upto
            if upto != messages:
                daemon.kill(group=True)
                seen.kills += 1
                daemon = _begun(site, port)
            if left:
                seen.again += len(left)
                anyio.run(_posted, port, left, seen, lambda: _applied(site))
        seen.seconds = time.monotonic() - started
        # One more death, right after the last answer: nothing that was confirmed may be lost.
        daemon.kill(group=True)
        daemon = _begun(site, port)
        query = "SELECT message_id, count(*) FROM message GROUP BY message_id"
        until(
            lambda: len(site.query(query)) >= messages,
            "all that was confirmed is there",
            seconds=60,
        )
        found = dict(site.query(query))
        until(lambda: _applied(site), "the import is applied", seconds=300)
    finally:
        daemon.kill(group=True)
    seen.kept = len(found)
    seen.lost = len(seen.confirmed - found.keys())
    seen.doubled = sum(count > 1 for count in found.values())
    return seen


def _begun(site: Site, port: int) -> Running:
    running = site.start("run", BENCH_SECRET=SECRET)

    def listening() -> bool:
        assert running.ended() is None, running.said()
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", port)) == 0

    until(listening, "the webhooks are open")
    return running


def _applied(site: Site) -> bool:
    return site.states() in (["applied"], ["archived"])


async def _posted(port: int, ids: list[str], seen: Seen, applied: Callable[[], bool]) -> list[str]:
    """Post messages, some at a time; gives those that were not confirmed."""
    left: list[str] = []
    waiting = list(reversed(ids))
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False
    ) as http:

        async def post() -> None:
            while waiting:
                id = waiting.pop()
                body = json.dumps({"id": id, "order": id, "status": "shipped"}).encode()
                mark = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
                headers = {"content-type": "application/json", "aftership-hmac-sha256": mark}
                began = time.perf_counter()
                try:
                    got = await http.post("/hooks/hook", content=body, headers=headers)
                except httpx2.TransportError:
                    left.append(id)
                    continue
                seen.waits.append(time.perf_counter() - began)
                if got.status_code == 200:
                    seen.confirmed.add(id)
                    seen.overlap += not seen.applied
                else:
                    left.append(id)

        async def watch() -> None:
            while not seen.applied:
                seen.applied = await anyio.to_thread.run_sync(applied)
                await anyio.sleep(0.2)

        async with anyio.create_task_group() as watching:
            watching.start_soon(watch)
            async with anyio.create_task_group() as tasks:
                for _ in range(TOGETHER):
                    tasks.start_soon(post)
            watching.cancel_scope.cancel()
    return left


def told(seen: Seen, rows: int) -> str:
    """Pure: what was seen, in lines."""
    waits = sorted(seen.waits) or [0.0]
    out = io.StringIO()
    print(
        f"import of {rows} rows; {seen.overlap} messages confirmed before it was applied", file=out
    )
    print(
        f"{len(seen.confirmed)} confirmed in {seen.seconds:.1f} s, {seen.kills + 1} kill -9",
        file=out,
    )
    for name, share in (("half", 0.5), ("99 %", 0.99), ("all", 1.0)):
        wait = waits[min(int(len(waits) * share), len(waits) - 1)]
        print(f"  {name:>5} answered within {wait * 1000:7.1f} ms", file=out)
    print(
        f"kept {seen.kept}, lost {seen.lost}, doubled {seen.doubled}, sent again {seen.again}",
        file=out,
    )
    return out.getvalue()


def main() -> None:
    """Print the figures."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--messages", type=int, default=10_000)
    words.add_argument("--kills", type=int, default=0)
    said = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="impexd-webhooks-") as home:
        seen = drill(Path(home), rows=said.rows, messages=said.messages, kills=said.kills)
    print(told(seen, said.rows))


if __name__ == "__main__":
    main()
