"""Names of files: made of a group's pattern, and numbered where one is taken."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.model.export import ExportGroup
from impexd.model.faults import output


def made(group: ExportGroup, name: str, *, suffix: str, seq: int | str, now: datetime) -> str:
    """Pure: the name of a group's file, of its pattern or the usual one."""
    there = now.astimezone(ZoneInfo(group.zone))
    pattern = group.file or f"{{group}}-{{date}}-{{time}}-{{seq}}.{suffix}"
    return pattern.format(
        group=name,
        date=there.strftime("%Y-%m-%d"),
        time=there.strftime("%H%M%S"),
        seq=seq,
        shop=group.shop,
    )


def checked(name: str) -> str:
    """Pure: a name that a person gave; UsageError if no file can be called so."""
    if reason := output.name(name):
        raise UsageError(f"this is no name for an export: {shown(reason)}")
    return name


def numbered(name: str) -> Iterator[str]:
    """Pure: `a.csv`, `a-2.csv`, `a-3.csv` ..."""
    stem, dot, suffix = name.rpartition(".")
    stem, end = (stem, f".{suffix}") if dot else (name, "")
    yield name
    for n in count(2):
        yield f"{stem}-{n}{end}"
