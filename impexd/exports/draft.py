"""
Write the draft of an export: one file, or a zip of several, all of one snapshot.

Blocking, in a worker process.  The draft is complete and durable when this returns; whatever ends
it before leaves a draft that nobody will ever publish.
"""

import os
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from impexd.core import durable
from impexd.exports import publish, query
from impexd.exports.order import Member, Order, Written
from impexd.formats.shape import Records
from impexd.formats.writers import WRITERS
from impexd.model.config import Config
from impexd.model.export import ExportDescriptor, ExportGroup
from impexd.store import snapshot
from impexd.store.snapshot import Snapshot

BUFFER = 1 << 20

Told = Callable[[int], None]
"""Hears how many records are written, now and then."""


def write(order: Order, config: Config, told: Told) -> Written:
    """
    Write the draft; DataError if it can never be written as it is configured.

    Raises `OSError` if the disk fails: the file is void then, the next attempt makes another.
    """
    path = Path(order.draft)
    path.unlink(missing_ok=True)
    with snapshot.opened(order.url) as view:
        mark = snapshot.watermark(view)  # the first thing read: from here on it is one moment
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, publish.MODE)
        with os.fdopen(file, "w+b", BUFFER) as out:
            members = _members(out, order, config, view, told)
            out.flush()
            os.fsync(out.fileno())
            digest = durable.digest(out.fileno())
    return Written(sha256=digest.sha256, bytes=digest.size, watermark=mark, members=tuple(members))


def _members(
    out: BinaryIO, order: Order, config: Config, view: Snapshot, told: Told
) -> list[Member]:
    group = config.exports[order.group]
    found = []
    if not group.zipped:
        return [_member(out, group.descriptors[0], order, config, view, told)]
    begun = datetime.fromisoformat(order.now)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in group.descriptors:
            info = zipfile.ZipInfo(named(name, config.queries[name]), begun.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as inner:
                binary = cast(BinaryIO, inner)
                found.append(_member(binary, name, order, config, view, told))
    return found


def _member(
    out: BinaryIO, name: str, order: Order, config: Config, view: Snapshot, told: Told
) -> Member:
    descriptor = config.queries[name]
    since = order.since.get(name)
    reading = query.read(descriptor, config.catalogue, view, since)
    about: Mapping[str, Any] = {"group": order.group, "seq": order.seq, "now": order.now}
    with closing(_counted(reading, told)) as records:
        WRITERS[descriptor.file.format](out, reading.shape, descriptor.file, records, about)
    tally = reading.tally
    return Member(
        descriptor=name, name=named(name, descriptor), rows=tally.rows, deleted=tally.deleted
    )


def _counted(reading: query.Reading, told: Told) -> Generator[Records, None, None]:
    for some in reading.records:
        yield some
        told(reading.tally.rows + reading.tally.deleted)


def named(name: str, descriptor: ExportDescriptor) -> str:
    """Pure: the name of a descriptor's file."""
    return descriptor.file.name or f"{name}.{descriptor.file.suffix}"


def suffix(group: ExportGroup, config: Config) -> str:
    """Pure: how the name of a group's file ends if nobody has said."""
    return "zip" if group.zipped else config.queries[group.descriptors[0]].file.suffix
