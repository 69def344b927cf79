"""
The journal held against itself: states, parts, counts, and the jobs that carry runs on.

Pure: takes what was read, gives what differs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from impexd.answers.verify.difference import Difference
from impexd.core.text import shown
from impexd.model.run import State
from impexd.store.checks import Row
from impexd.store.journal import LOST

IMPORTED = frozenset({State.APPLIED, State.ARCHIVED, State.UNDONE})
REJECTED = frozenset({State.REJECTED, State.FAILED, State.CANCELLED})
PENDING = frozenset(
    {State.CLAIMING, State.CLAIMED, State.STAGING, State.HELD, State.APPLYING, State.PLANNED}
)

CARRIED = {
    "import": frozenset({State.CLAIMED, State.STAGING, State.APPLYING, State.APPLIED}),
    "undo": frozenset({State.CLAIMED, State.STAGING, State.APPLYING}),
    "export": frozenset({State.EXPORTING, State.WRITTEN}),
}
"""Kind -> states in which a job has to carry a run on."""

COUNTS = ("inserted", "updated", "unchanged", "deleted", "rejected", "parked")
ENTITY = ("inserted", "updated", "unchanged", "deleted", "rejected")

REPORT = "please report it, with what the log says of the run"


def fate(row: Row) -> str:
    """Pure: what became of a drop, as one word of the equation; "" for a state that does not exist."""
    if row.state == State.VOID:
        return "void"
    if row.dry and row.state == State.PLANNED:
        return "shown"
    for name, states in (("imported", IMPORTED), ("rejected", REJECTED), ("pending", PENDING)):
        if row.state in states:
            return name
    return "duplicate" if row.state == State.DUPLICATE else ""


def differences(
    row: Row, parts: Sequence[Mapping[str, Any]], jobs: Sequence[str]
) -> Iterator[Difference]:
    """Pure: what is wrong with one run; `jobs` are the states of the jobs that name it."""
    if row.state not in set(State):
        hint = f"nobody but impexd may write to its journal; {REPORT}"
        yield Difference("state", f"run {row.id} is in no known state", hint, row.id)
        return
    if row.note == LOST:
        hint = "its rows are loaded; only its file cannot be looked at any more"
        yield Difference("bytes_missing", f"run {row.id}: its file was nowhere", hint, row.id)
    yield from _carried(row, jobs)
    if row.state in IMPORTED and row.kind != "export":
        yield from _counts(row, parts)


def _carried(row: Row, jobs: Sequence[str]) -> Iterator[Difference]:
    alive = [state for state in jobs if state in ("todo", "doing")]
    wanted = row.state in CARRIED.get(row.kind, ()) and not (
        row.state == State.APPLIED and row.place is not None
    )
    if row.kind == "export" and row.state == State.PUBLISHED and row.finished is None:
        wanted = True
    if wanted and not alive:
        why = "its job has failed" if jobs else "no job carries it on"
        hint = "restart the daemon: it gives every run a job that has none"
        code = "job_failed" if jobs else "job_lost"
        yield Difference(code, f"run {row.id} is {row.state}, and {why}", hint, row.id)
    if len(alive) > 1:
        what = f"run {row.id} is carried by {len(alive)} jobs"
        hint = f"no harm: only one attempt of a run counts; {REPORT}"
        yield Difference("job_doubled", what, hint, row.id)


def _counts(row: Row, parts: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    sums: dict[str, dict[str, int]] = {}
    hint = f"rows of the journal were changed or removed by hand; restore them from a backup, or {REPORT}"
    for part in parts:
        counts = part["counts"] or {}
        mine = sums.setdefault(part["entity"], dict.fromkeys(ENTITY, 0))
        for name in ENTITY:
            mine[name] += counts.get(name, 0)
        if row.kind == "import" and not balanced(part["mode"], counts):
            file = shown(part["member"], limit=80)
            read, done = counts.get("read", 0), sum(counts.get(name, 0) for name in COUNTS)
            what = f"run {row.id}, {file}: {read:,} rows were read, {done:,} are accounted for"
            yield Difference("counts", what, hint, row.id)
    if row.kind == "import" and {k: dict(v) for k, v in row.counts.items()} != sums:
        what = f"run {row.id}: its counts are not the sum of its parts"
        yield Difference("sums", what, hint, row.id)


def balanced(mode: str, counts: Mapping[str, int]) -> bool:
    """Pure: is every row that was read accounted for?  `replace` also touches what files lack."""
    read, done = counts.get("read", 0), sum(counts.get(name, 0) for name in COUNTS)
    return read <= done if mode == "replace" or not read else read == done
