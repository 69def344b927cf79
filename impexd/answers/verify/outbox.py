"""The journal held against the outboxes: every published file there and unchanged, and no lost draft."""

from collections.abc import Collection, Iterator
from pathlib import Path

from impexd.answers.verify.difference import Difference
from impexd.answers.verify.folders import digest, names
from impexd.core.text import shown
from impexd.model.run import State
from impexd.store.checks import Row

DRAFTS = ".impexd-tmp"
GOING = frozenset({State.EXPORTING, State.WRITTEN})


def file_of(row: Row, *, deep: bool) -> Iterator[Difference]:
    """Look at the file of one export that lies in an outbox."""
    if row.kind != "export" or row.state != State.PUBLISHED or not row.place:
        return
    path = Path(row.place)
    if not path.is_absolute():
        return  # it lies on another machine
    name = shown(row.place)
    try:
        size = path.stat().st_size
    except OSError:
        what = f"run {row.id}: {name} is not in its outbox any more"
        hint = (
            "if a partner has taken it, that is well (--taken); else make it again: impexd export"
        )
        yield Difference("outbox_missing", what, hint, row.id, row.place)
        return
    if size != row.bytes or (deep and row.sha256 and digest(path) != row.sha256):
        what = f"run {row.id}: {name} is not what was published"
        hint = f"tell the partner; make it again: impexd export {row.group}"
        yield Difference("outbox_changed", what, hint, row.id, row.place)


def drafts(outbox: Path, tokens: Collection[str]) -> Iterator[Difference]:
    """Look for drafts that no export will publish."""
    for name in names(outbox / DRAFTS):
        if name[:32] not in tokens:
            path = str(outbox / DRAFTS / name)
            what = f"{shown(path)} is a draft of no export"
            yield Difference("draft", what, "the next start of the daemon removes it", path=path)
