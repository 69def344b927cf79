"""
File moves that survive a power cut and never write over anything.

Takes open folders (descriptors, so that no path is resolved twice) and names as bytes; gives
nothing but what lies on the disk.  Raises `OSError` as it comes: who calls knows what it means.

The order is always the same: the bytes, then the folder that gains the name, then the folder
that loses it.  A cut in between may show a file under both names, never under none.  A rename
alone is not enough: without the fsync of its folder the last file acknowledged is lost in most
crash states of ext4, and on btrfs a rename may leave both names.
"""

import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
"""Bytes read at once; between two chunks `pause` is asked."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
"""How a system says that this file cannot be linked, or that it knows no exclusive rename."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What some bytes are."""

    sha256: str
    size: int


def go_on() -> None:
    """Do nothing: the `pause` of a caller who never wants to stop."""


@contextmanager
def opened(path: Path | str | bytes, *, within: int | None = None) -> Iterator[int]:
    """Open a folder for as long as the block lasts; below `within` links are not followed."""
    folder = os.open(path, _FOLDER | (0 if within is None else os.O_NOFOLLOW), dir_fd=within)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def made(name: str | bytes, *, within: int, sync: bool = True) -> Iterator[int]:
    """Open a folder below another, making it first if it is not there; without `sync`, `within` is not synced."""
    try:
        os.mkdir(name, 0o700, dir_fd=within)
    except FileExistsError:
        pass
    else:
        if sync:
            os.fsync(within)
    with opened(name, within=within) as folder:
        yield folder


def move(source: int, name: bytes, target: int, new: bytes) -> None:
    """Move a file between folders of one device; FileExistsError if `new` is another file."""
    give(source, name, target, new)
    os.fsync(target)
    forget(source, name)
    os.fsync(source)


def give(source: int, name: bytes, target: int, new: bytes) -> None:
    """
    Let `target` have the file as `new`; afterwards `source` may have it too, or not.

    Nothing is synced, so that many files can share their folders' syncs.  May be repeated:
    a name given already is given.  FileExistsError if `new` is another file.
    """
    try:
        os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        if not _same(source, name, target, new):
            raise
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        _rename(source, name, target, new)


def forget(folder: int, name: bytes) -> None:
    """Remove a name, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def write(folder: int, name: bytes, data: bytes, *, mode: int = 0o600) -> None:
    """
    Publish bytes under a name that was not there before.

    Whoever sees the name sees all of it, also after a power cut.  FileExistsError if the name
    is taken by other bytes; the same bytes are left as they are, so this may be repeated.
    """
    publish(folder, name, data, mode=mode)
    os.fsync(folder)


def publish(folder: int, name: bytes, data: bytes, *, mode: int = 0o600) -> None:
    """Do as `write` does, but without the sync of the folder, so that many files can share it."""
    draft = drafted(folder, name, data, mode=mode)
    sync(folder, draft)
    release(folder, name, data)


def drafted(folder: int, name: bytes, data: bytes, *, mode: int = 0o600) -> bytes:
    """The first third of `publish`: write a draft, which is not synced; gives the draft's name."""
    draft = _draft(name)
    forget(folder, draft)
    file = os.open(draft, _NEW, mode, dir_fd=folder)
    try:
        _put(file, data)
    finally:
        os.close(file)
    return draft


def sync(folder: int, name: bytes) -> None:
    """Sync the bytes of a file."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def release(folder: int, name: bytes, data: bytes) -> None:
    """The last third of `publish`: give a draft that is synced its name."""
    draft = _draft(name)
    try:
        give(folder, draft, folder, name)
    except FileExistsError:
        if _read(folder, name, len(data) + 1) != data:
            raise
    finally:
        forget(folder, draft)


def copy(
    source: int, folder: int, name: bytes, *, most: int, pause: Callable[[], None] = go_on
) -> Digest:
    """
    Copy an open file into a folder as `name`, with its bytes synced but not the folder.

    What was there as `name` is replaced: it must be a draft of ours.  Reads from the start;
    stops at `most` bytes with OSError EFBIG, and wherever `pause` raises.
    """
    forget(folder, name)
    file = os.open(name, _NEW, 0o600, dir_fd=folder)
    try:
        digest = _through(source, pause, most, lambda chunk: _put(file, chunk))
        os.fsync(file)
    finally:
        os.close(file)
    return digest


def digest(source: int, *, pause: Callable[[], None] = go_on) -> Digest:
    """Hash an open file from its start."""
    return _through(source, pause, None, lambda _: None)


def _through(
    source: int, pause: Callable[[], None], most: int | None, put: Callable[[bytes], None]
) -> Digest:
    hashed, size = hashlib.sha256(), 0
    while chunk := os.pread(source, CHUNK, size):
        size += len(chunk)
        if most is not None and size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        hashed.update(chunk)
        put(chunk)
        if len(chunk) == CHUNK:
            pause()
    return Digest(hashed.hexdigest(), size)


def _put(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _read(folder: int, name: bytes, most: int) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(name, flags, dir_fd=folder)
    try:
        data = b""
        while len(data) < most and (chunk := os.read(file, most - len(data))):
            data += chunk
    finally:
        os.close(file)
    return data


def _same(source: int, name: bytes, target: int, new: bytes) -> bool:
    """Say whether two names are one file."""
    there = os.stat(new, dir_fd=target, follow_symlinks=False)
    here = os.stat(name, dir_fd=source, follow_symlinks=False)
    return not stat.S_ISDIR(there.st_mode) and os.path.samestat(here, there)


def _draft(name: bytes) -> bytes:
    """Pure: a temporary name as long as any name may be; the same for the same name."""
    return b".impexd-" + hashlib.sha256(name).hexdigest()[:16].encode() + b".tmp"


def _rename(source: int, name: bytes, target: int, new: bytes) -> None:
    """Rename without replacing: renameat2(2), which Python does not offer."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(source, name, target, new, _RENAME_NOREPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
