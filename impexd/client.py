"""
How a command reaches an instance: its daemon's socket, or the folder itself under its lock.

Either way it is the same API: over the unix socket if a daemon runs, else by an instance
opened in this process for as long as the block lasts.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2

from impexd import config as configuration
from impexd.core import address
from impexd.core.errors import (
    ConfigError,
    DataError,
    ImpexError,
    Unreachable,
    UsageError,
    WorldError,
)
from impexd.core.text import shown

PATIENCE = httpx2.Timeout(30.0, connect=5.0)


class Refused(ImpexError):
    """The daemon said no."""

    def __init__(self, what: str, *, hint: str, code: int) -> None:
        super().__init__(what, hint=hint)
        self.exit_code = code  # type: ignore[misc]


class Client:
    """Asks an instance."""

    def __init__(self, http: httpx2.AsyncClient, *, alone: bool) -> None:
        self._http = http
        self.alone = alone
        """True if no daemon runs: what is started ends with this process."""

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """Ask for something; raises the daemon's error."""
        given = {name: value for name, value in query.items() if value is not None}
        speakable(given)
        with _connected():
            return _answer(await self._http.get(path, params=given))

    async def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        """Have something done; raises the daemon's error."""
        speakable(body)
        with _connected():
            return _answer(await self._http.post(path, json=body))


def speakable(given: object) -> None:
    """Refuse what no request can carry: a word of the command line whose bytes are no UTF-8."""
    match given:
        case str():
            if not given.isascii() and any("\ud800" <= char <= "\udfff" for char in given):
                hint = "file names and texts are UTF-8; rename the file first"
                raise UsageError(f"{shown(given)} is no UTF-8 text", hint=hint)
        case Mapping():
            for value in given.values():
                speakable(value)
        case list() | tuple():
            for value in given:
                speakable(value)


@contextmanager
def _connected() -> Iterator[None]:
    """Say in our words that the daemon ended, or does not answer."""
    try:
        yield
    except httpx2.TransportError as error:
        raise Unreachable(
            f"the daemon does not answer: {str(error) or type(error).__name__}",
            hint="what it had begun is carried on when it runs again; `impexd runs` tells",
        ) from None


@asynccontextmanager
async def opened(
    source: Path, *, patience: httpx2.Timeout | None = PATIENCE, only_daemon: bool = False
) -> AsyncIterator[Client]:
    """
    Reach the instance of a configuration for as long as the block lasts; the daemon if there is one.

    `patience`: how long an answer is waited for; None: for as long as it takes.  `only_daemon`: without
    one, UsageError.

    Only without a daemon is the configuration read, and `ConfigError` raised.
    """
    socket = configuration.control_socket(source)
    if await _answers(socket):
        with address.short(socket) as name:
            transport = httpx2.AsyncHTTPTransport(uds=name)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://impexd", timeout=patience
            ) as http:
                yield Client(http, alone=False)
        return
    if only_daemon:
        raise UsageError("no daemon runs on this instance", hint="`impexd run` starts one")
    async with _alone(source) as client:
        yield client


@asynccontextmanager
async def _alone(source: Path) -> AsyncIterator[Client]:
    """Open the instance in this process, and carry out here what is started."""
    # Only now, because these cost a second that a question to the daemon need not pay.
    from impexd import daemon
    from impexd.admin import api

    config = configuration.load(source)
    async with (
        daemon.opened(source, config) as instance,
        anyio.create_task_group() as tasks,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=api.app(instance)),
            base_url="http://impexd",
            timeout=None,
        ) as http,
    ):
        tasks.start_soon(daemon.working, instance)
        yield Client(http, alone=True)
        tasks.cancel_scope.cancel()


async def _answers(socket: Path) -> bool:
    """Is there a daemon behind the socket?  UsageError if this user may not know."""
    try:
        with address.short(socket) as name:
            stream = await anyio.connect_unix(name)
        await stream.aclose()
    except PermissionError:
        what = f"you may not reach the daemon of this instance: {socket}: Permission denied"
        raise UsageError(what, hint=f"do this as {_owner(socket)}, whose instance it is") from None
    except OSError:
        return False
    return True


def _owner(path: Path) -> str:
    """Name the user a file, or the nearest folder above that can be looked at, belongs to."""
    for place in (path, *path.parents):
        with suppress(OSError, KeyError):
            return place.owner()
    return "its user"


def _answer(response: httpx2.Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = response.json()
    except ValueError:
        document = {"detail": f"the daemon failed at this ({response.status_code})"}
        document["hint"] = "its log says why; please report it"
    if response.is_success:
        return document
    detail, hint = str(document.get("detail", response.text)), str(document.get("hint", ""))
    match document.get("title"):
        case "ConfigError":
            raise ConfigError(document.get("mistakes", [detail]), hint=hint)
        case "UsageError":
            raise UsageError(detail, hint=hint)
        case "DataError":
            raise DataError(document.get("code", ""), detail, hint=hint)
        case "WorldError":
            raise WorldError(detail, hint=hint)
        case _:
            raise Refused(detail, hint=hint, code=int(document.get("exit", 1)))
