"""An instance with feeds, opened in this process: its webhooks asked as a courier would, its messages read."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2

from impexd.core.clock import SYSTEM, Clock
from impexd.feeds import hear, intake
from impexd.feeds import tend as tending
from impexd.feeds.bench import Bench
from impexd.feeds.hooks import Hooks
from impexd.model.message import Heard, Message, Outcome
from impexd.store import messages
from tests.flows import inside
from tests.flows.inside import Inside
from tests.peer import OUTBOUND

SECRET = "s3cret-of-the-courier"
MAIN = OUTBOUND + '[webhooks]\nlisten = "127.0.0.1:0"\n'
MAP = """
kind = "map"
[message]
id = "id"
order = "order"
delivery = "delivery"
status = "status"
at = "at"
tracking = "tracking"
lines = "lines"
[line]
sku = "sku"
shipped = "shipped"
[status]
label = "note"
collected = "ship"
shipped = "ship"
delivered = "deliver"
lost = "fail"
"""
HOOK = """
kind = "webhook"
map = "plain"
scheme = "{scheme}"
secrets = [{{ env = "HOOK_SECRET" }}]
rate = 100000
"""


def etc(**files: str) -> dict[str, str]:
    """A configuration of feeds: name -> what stands in feeds/NAME.toml, `_` for `-`."""
    named = {f"feeds/{name.replace('_', '-')}.toml": text for name, text in files.items()}
    return {"impexd.toml": MAIN, "feeds/plain.toml": MAP} | named


def said(n: int = 1, **more: Any) -> dict[str, Any]:
    """What a courier says."""
    return {
        "id": f"evt-{n}",
        "order": f"O-{n}",
        "status": "shipped",
        "at": "2026-06-01T10:00:00Z",
    } | more


def aftership(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook that AfterShip signs."""
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return {"content-type": "application/json", "aftership-hmac-sha256": signature}


@dataclass
class House:
    site: Inside

    @property
    def bench(self) -> Bench:
        return self.site.instance.feeds

    async def messages(self, *states: str) -> list[dict[str, Any]]:
        """The messages that are kept, oldest first."""
        async with self.bench.store.reading() as tx:
            found = await messages.listed(tx, states=states, limit=10_000)
            return [await messages.get(tx, row["id"]) or {} for row in reversed(found)]

    async def states(self) -> dict[str, str]:
        return {row["message_id"]: row["state"] for row in await self.messages()}

    async def settled(self) -> None:
        """Bring over what lies in the spool, and hear what can be heard."""
        await intake.carry_over(self.bench)
        await hear.hear(self.bench)

    async def tended(self) -> None:
        """Do what is done every few seconds."""
        await intake.carry_over(self.bench)
        await tending.look(self.bench)
        await self.done()

    async def heard(self) -> None:
        """Wait until no message is new: a bell may have had them looked at by somebody else."""
        with anyio.fail_after(20):
            while "new" in (await self.states()).values():
                await anyio.sleep(0.01)

    async def done(self) -> None:
        """Wait until all jobs are done."""
        with anyio.fail_after(20):
            while any((await self.site.instance.queue.depth()).values()):
                await anyio.sleep(0.01)


@dataclass
class Courier:
    """Posts to the webhooks of a house."""

    http: httpx2.AsyncClient

    async def post(
        self, feed: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(
            f"/hooks/{feed}", content=raw, headers=headers or aftership(raw)
        )


@asynccontextmanager
async def opened(
    home: Path, url: str, files: Mapping[str, str], *, clock: Clock = SYSTEM
) -> AsyncIterator[House]:
    async with inside.opened(home, url, files, clock=clock) as site:
        yield House(site)


@asynccontextmanager
async def calling(house: House) -> AsyncIterator[Courier]:
    """A courier who calls the application itself."""
    transport = httpx2.ASGITransport(app=Hooks(house.bench))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hooks") as http:
        yield Courier(http)


class Orders:
    """Stands in for orders: knows some, remembers what it was told, fails when it is told to."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.heard: list[Message] = []
        self.failing: set[str] = set()

    async def __call__(self, tx: Any, config: Any, message: Message) -> Heard:
        if message.id in self.failing:
            raise ZeroDivisionError("no such thing")
        if message.order not in self.known:
            return Heard(Outcome.PARKED, "no order of this number")
        self.heard.append(message)
        return Heard(Outcome.APPLIED)
