"""An instance behind its door, asked as browsers and programs ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from impexd import config as configuration
from impexd import daemon
from impexd.admin import links, signing, web
from impexd.admin.door import Door
from impexd.admin.origin import place
from impexd.admin.signing import Signing
from impexd.daemon import Instance
from tests.browser.site import ETC, PASSWORD

URL = "http://127.0.0.1:8470"


@dataclass
class Gate:
    """The door of an instance."""

    instance: Instance
    door: Door
    signing: Signing

    def browser(self, address: str = "127.0.0.1", **headers: str) -> httpx2.AsyncClient:
        """Somebody with cookies."""
        transport = httpx2.ASGITransport(app=self.door, client=(address, 1))
        headers = {"origin": URL, "sec-fetch-site": "same-origin"} | headers
        return httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers)

    def program(self, token: str) -> httpx2.AsyncClient:
        """Somebody with a token."""
        transport = httpx2.ASGITransport(app=self.door)
        headers = {"authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers)

    def local(self) -> httpx2.AsyncClient:
        """Somebody at the socket."""
        app = self.door.app
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=URL)

    async def setup(self) -> str:
        """Make the first administrator; gives the secret of the link, used up."""
        secret = str((await links.made(self.instance, None))["link"]).partition("#")[2]
        await links.accept(self.instance.store, self.instance.clock, secret, "Anna", PASSWORD)
        return secret

    async def token(self, role: str, name: str = "", **more: Any) -> str:
        """Make an account of a role, and a token of it."""
        name = name or role
        async with self.local() as local:
            made = await local.post("/api/v1/users", json={"name": name, "role": role, **more})
            assert made.status_code == 201, made.text
            told = {"person": name, "name": "test", "role": role}
            made = await local.post("/api/v1/tokens", json=told)
            assert made.status_code == 201, made.text
        return str(made.json()["token"])


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Gate]:
    for name, text in ETC.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = configuration.load(home / "etc")
    async with (
        daemon.opened(home / "etc", config) as instance,
        anyio.create_task_group() as tasks,
    ):
        at = place(config.instance.admin, "127.0.0.1", 8470)
        signed = Signing(instance.store, instance.clock, config.instance.admin, tasks)
        yield Gate(instance, web.door(instance, signed, at), signed)
        tasks.cancel_scope.cancel()


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    """The fixture's task group must be left in the task that entered it; see pytest-asyncio #1191."""
    made: list[Gate] = []
    ready, ended = anyio.Event(), anyio.Event()

    async def live() -> None:
        async with opened(tmp_path) as found:
            made.append(found)
            ready.set()
            await ended.wait()

    import asyncio

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not made:
        await task
    yield made[0]
    ended.set()
    await task


__all__ = ["PASSWORD", "URL", "Gate", "gate", "signing"]
