"""
The way to an S3 store: an object is there wholly or not at all, and created, never replaced.

What fits into one request is created with the condition that its key is free.  What does not goes
over in parts under a key of its own, and is copied, with the same condition, by the store itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from impexd.core import lazy
from impexd.core.errors import Unreachable, WorldError
from impexd.core.text import shown
from impexd.exports.publish import Placed
from impexd.exports.targets.carrier import Parcel, fetched, unready
from impexd.model.target import Target

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions
    from obstore.store import S3Store
else:
    obstore, exceptions = lazy.module("obstore"), lazy.module("obstore.exceptions")

AT_ONCE = 8 << 20
"""Most bytes that go in one request; they are held in memory."""
PARTS = 2
"""Parts of a large file that are on their way at the same time."""
MARK = "impexd"
"""What an object is marked with: the name of its draft."""


async def opened(target: Target, home: Path) -> OnStore:
    """Make ready for a store; nothing is asked of it yet."""
    return OnStore(await anyio.to_thread.run_sync(_store, target, home), target)


def _store(target: Target, home: Path) -> S3Store:
    from obstore.store import S3Store

    options: dict[str, Any] = {}
    if target.access is not None:
        words = fetched(target.access, home).split()
        if len(words) != 2:
            raise unready(f"{target.shown}: its secret is two words, key id and secret key")
        options["access_key_id"], options["secret_access_key"] = words
    if target.region is not None or target.endpoint is not None:
        options["region"] = target.region or "us-east-1"
    if target.endpoint is not None:
        options["endpoint"] = target.endpoint
    return S3Store(
        target.bucket,
        prefix=target.path and target.path.strip("/"),
        client_options={
            "allow_http": target.allow_http,
            "connect_timeout": "15s",
            "timeout": "300s",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=60)},
        copy_if_not_exists="multipart",
        conditional_put="etag",
        **options,
    )


class OnStore:
    """A bucket, or what begins with a path in it."""

    def __init__(self, store: S3Store, target: Target) -> None:
        self._store = store
        self._target = target

    async def taken(self, name: str) -> bool:
        """Say whether there is such a key."""
        with edge(self._target):
            try:
                await obstore.head_async(self._store, name)
            except FileNotFoundError:
                return False
        return True

    async def upload(self, parcel: Parcel) -> None:
        """Have a large file there under its draft's key; a small one goes when it is placed."""
        if parcel.size > AT_ONCE and parcel.path is not None:
            with edge(self._target):
                await obstore.put_async(
                    self._store,
                    parcel.draft,
                    parcel.path,
                    use_multipart=True,
                    chunk_size=_piece(parcel.size),
                    max_concurrency=PARTS,
                )

    async def place(self, parcel: Parcel, name: str, *, again: bool) -> Placed:
        """Create the object under its key."""
        with edge(self._target):
            if parcel.size <= AT_ONCE:
                return await self._created(parcel, name)
            return await self._copied(parcel, name, again=again)

    async def _created(self, parcel: Parcel, name: str) -> Placed:
        data = await anyio.to_thread.run_sync(parcel.read)
        try:
            await obstore.put_async(
                self._store, name, data, mode="create", attributes={MARK: parcel.draft}
            )
        except exceptions.AlreadyExistsError:
            # An attempt before may have been ours, and its answer lost.
            return Placed.THERE if await self._ours(parcel, name) else Placed.TAKEN
        return Placed.THERE

    async def _ours(self, parcel: Parcel, name: str) -> bool:
        found = await obstore.get_async(self._store, name)
        return found.attributes.get(MARK) == parcel.draft

    async def _copied(self, parcel: Parcel, name: str, *, again: bool) -> Placed:
        try:
            await obstore.copy_async(self._store, parcel.draft, name, overwrite=False)
        except exceptions.AlreadyExistsError:
            if not (again and await self._same(parcel, name)):
                return Placed.TAKEN
        except FileNotFoundError:
            # The draft goes only when the object is there.
            return Placed.THERE if again else Placed.LOST
        await self.clear(parcel)
        return Placed.THERE

    async def _same(self, parcel: Parcel, name: str) -> bool:
        """Say whether an object has the bytes of our file; its copy carries no mark."""
        found = await obstore.get_async(self._store, name)
        if found.meta["size"] != parcel.size:
            return False
        hashed = hashlib.sha256()
        async for piece in found.stream():
            hashed.update(piece)
        return hashed.hexdigest() == parcel.sha256

    async def clear(self, parcel: Parcel) -> None:
        """Remove the draft, if there is one."""
        with edge(self._target), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, parcel.draft)


def _piece(size: int) -> int:
    """Pure: bytes of a part; a store takes no more than 10,000 of them."""
    return max(AT_ONCE, -(-size // 9_000))


@contextmanager
def edge(target: Target) -> Iterator[None]:
    """Say in our words what goes wrong with a store."""
    try:
        yield
    except WorldError:
        raise
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        hint = "look at the target's secret and its rights; it is tried again by itself"
        raise Unreachable(f"{target.shown}: the store does not let us in", hint=hint) from error
    except (exceptions.BaseError, OSError) as error:
        # What follows the first line, and the store's own document, is for programmers.
        told = str(error).partition("\n")[0].partition(": <?xml")[0]
        hint = "look at the store; it is tried again by itself"
        raise Unreachable(f"{target.shown}: {shown(told, limit=300)}", hint=hint) from error
