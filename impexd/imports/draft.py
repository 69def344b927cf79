"""
Plan a staged drop: count what it would do, and say what is wrong.

Runs in a worker process, after `stage`.  Takes a loaded stage; gives `Planned`, the value that
the daemon decides on (guards, hold, apply).  The SQL of it is `store.plan`.
"""

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from impexd.core.text import shown
from impexd.imports import sheets
from impexd.imports.order import Counts, Moved, Noted, PartResult, Planned
from impexd.imports.sheets import Form
from impexd.imports.stage import Part, Staged
from impexd.model.descriptor import Mode
from impexd.model.entity import Catalogue
from impexd.model.group import ImportGroup
from impexd.model.problem import Code
from impexd.store import deciding, differences, plan, rejecting
from impexd.store import stage as tables
from impexd.store.plan import Drop
from impexd.store.rejecting import WHOLE
from impexd.store.staging import Staging


def make(
    db: Staging, run: int, staged: Staged, group: ImportGroup, catalogue: Catalogue, listed: int
) -> Planned:
    """Plan what the stage holds; at most `listed` problems are given for each part."""
    drop = _drop(run, staged, group, catalogue)
    db.begin()
    at = _changes(db, drop)
    deciding.decide(db, drop)
    fallen = frozenset(rejecting.fallen(db, drop))
    _reprieved(db, staged, drop)
    parts = _parts(db, staged, fallen)
    planned = Planned(
        descriptors=tuple(dict.fromkeys(form.descriptor for form in staged.forms)),
        parts=tuple(parts),
        problems=tuple(_problems(db, [part.n for part in parts if part.problems], listed)),
        told=sum(part.problems for part in parts),
        at=at,
        live={
            sheet.kind.name: _one(db, plan.live_count(sheet.kind, db.names))
            for sheet in drop.sheets
        },
        moved=tuple(_moved(db, drop, group)),
        unmatched=tuple(shown(name, limit=100) for name in staged.unmatched[:100]),
        overtaken=_overtaken(db, staged),
        refused=_refused(group, staged, parts),
    )
    db.commit()
    return planned


def _drop(run: int, staged: Staged, group: ImportGroup, catalogue: Catalogue) -> Drop:
    """Pure: the stage as the plan wants it described."""
    return Drop(
        run,
        tuple(form.sheet for form in staged.forms),
        {part.n: part.member for part in staged.parts},
        catalogue,
        group.on_problem,
        frozenset(form.sheet.k for form in staged.forms if not _doubtful(staged, form)),
        tuple(
            (part.form.sheet.k, part.n)
            for part in staged.parts
            if part.form.record >= sheets.CREATED
        ),
        {part.n: part.form.sheet.k for part in staged.parts},
    )


def _doubtful(staged: Staged, form: Form) -> bool:
    """Pure: may records be missing from the list (replace) only because it could not be read?"""
    mine = [part for part in staged.parts if part.form is form]
    return any(part.failed or part.unknown for part in mine) or not any(part.read for part in mine)


def _reprieved(db: Staging, staged: Staged, drop: Drop) -> None:
    """Say where nothing is deleted although the list is to be taken as complete."""
    for part in staged.parts:
        sheet = part.form.sheet
        if sheet.mode is Mode.REPLACE and sheet.k not in drop.whole and not part.failed:
            told = f"nothing that the file lacks was taken away: {_why(part)}"
            db.execute(tables.noting(sheet, part.n, Code.INCOMPLETE.value, told, db.names))


def _why(part: Part) -> str:
    if part.unknown:
        return f"{part.unknown:,} of its rows could not be read"
    return "another file of the list could not be read" if part.read else "it holds no rows"


def _overtaken(db: Staging, staged: Staged) -> int:
    """Count the rows that are no longer in their sheet, as a later one has their key."""
    last = [part for part in staged.parts if part.form.sheet.duplicates == "last"]
    brought = [part for part in last if part.form.record < sheets.CREATED and not part.failed]
    staged_rows = {
        part.form.sheet.k: _one(db, tables.rows_in(part.form.sheet, db.names)) for part in brought
    }
    return max(0, sum(one.read - one.rejected for one in brought) - sum(staged_rows.values()))


def _one(db: Staging, sql: str) -> int:
    return int(str(db.rows(sql)[0][0]))


def _moved(db: Staging, drop: Drop, group: ImportGroup) -> Iterator[Moved]:
    """Find the numbers that would move further than the group allows."""
    for sheet in drop.sheets:
        for n, target in enumerate(sheet.targets):
            name = f"{sheet.kind.name}.{target.field}"
            if name not in group.guard.max_change:
                continue
            bound = group.guard.max_change[name]
            for count, key, old, new in db.rows(differences.moved(sheet, n, bound, db.names)):
                yield Moved(
                    field=name,
                    count=int(str(count)),
                    key=shown(" ".join(json.loads(str(key)))),
                    old=str(old),
                    new=str(new),
                )


def index(db: Staging, staged: Staged) -> None:
    """Sort the sheets by key, once, before the first plan."""
    for form in staged.forms:
        for statement in tables.ready(form.sheet, db.names):
            db.execute(statement)


def forget(db: Staging, staged: Staged) -> None:
    """Forget a plan, so that it can be made anew from the same stage."""
    for form in staged.forms:
        for statement in tables.unplanning(form.sheet, db.names):
            db.execute(statement)


def _changes(db: Staging, drop: Drop) -> dict[str, int]:
    """Read the change numbers of the entities the plan depends on."""
    kinds = plan.touched(drop.sheets, drop.catalogue)
    known = db.rows(tables.changes_of(kinds, db.names)) if kinds else []
    found = {str(name).removeprefix("entity."): int(str(value)) for name, value in known}
    return {kind.name: found.get(kind.name, 0) for kind in kinds}


@dataclass(slots=True)
class _Tally:
    """What the stage's tables say of one part."""

    acts: dict[str, int] = field(default_factory=dict)
    out: int = 0
    waiting: int = 0
    lacking: int = 0
    told: int = 0


def _parts(db: Staging, staged: Staged, fallen: Container[int]) -> list[PartResult]:
    tallies = {part.n: _Tally() for part in staged.parts}
    first: dict[int, int] = {}
    for part in staged.parts:
        first.setdefault(part.form.sheet.k, part.n)
    for form in staged.forms:
        for n, act, count in db.rows(plan.counted(form.sheet, db.names)):
            tallies[int(str(n))].acts[str(act)] = int(str(count))
        for n, out, waiting in db.rows(plan.left_out(form.sheet, db.names)):
            tally = tallies[int(str(n))]
            tally.out, tally.waiting = int(str(out)), int(str(waiting))
        if form.sheet.k in first:
            lacking = _one(db, plan.lacking_count(form.sheet, db.names))
            tallies[first[form.sheet.k]].lacking = lacking
    for n, count in db.rows(tables.told(db.names)):
        tallies[int(str(n))].told = int(str(count))
    return [_part(part, tallies[part.n], fell=part.n in fallen) for part in staged.parts]


def _part(part: Part, tally: _Tally, *, fell: bool) -> PartResult:
    sheet = part.form.sheet
    inserted = tally.acts.get("i", 0)
    deleted = tally.acts.get("d", 0) + tally.acts.get("k", 0)
    updated = tally.acts.get("u", 0) + tally.acts.get("l", 0)
    created = part.form.record >= sheets.CREATED
    read = inserted + tally.out if created else part.read
    rejected = part.rejected + tally.out - tally.waiting
    kept = bool(sheet.missing_rows)
    return PartResult(
        n=part.n,
        member=part.name,
        descriptor=part.form.descriptor,
        record=part.form.record,
        entity=sheet.kind.name,
        mode=sheet.mode.value,
        state="rejected" if part.failed or fell else "planned",
        counts=Counts(
            read=read,
            inserted=inserted,
            updated=updated + (tally.lacking if kept else 0),
            unchanged=read - rejected - tally.waiting - inserted - updated - deleted,
            deleted=deleted + (0 if kept else tally.lacking),
            rejected=rejected,
            parked=tally.waiting,
        ),
        problems=tally.told,
    )


def _problems(db: Staging, parts: Sequence[int], listed: int) -> list[Noted]:
    """The first problems of each of some parts, by line."""
    found: list[Noted] = []
    for part in parts:
        rows = db.rows(tables.problems_of(part, listed, db.names))
        for line, code, col, message, cell in rows:
            found.append(
                Noted(
                    part=part,
                    line=None if line is None else int(str(line)),
                    code=str(code),
                    col=None if col is None else shown(str(col), limit=100),
                    message=str(message),
                    cell=None if cell is None else shown(str(cell)),
                )
            )
    return found


def _refused(group: ImportGroup, staged: Staged, parts: Sequence[PartResult]) -> Noted | None:
    """Pure: does the drop as a whole fall?"""
    if staged.unmatched and group.unmatched == "reject":
        names = ", ".join(shown(name, limit=60) for name in staged.unmatched[:5])
        return Noted(code=Code.UNMATCHED, message=f"no descriptor of the group takes {names}")
    if not parts:
        return Noted(code=Code.UNMATCHED, message="no descriptor of the group takes this file")
    wrong = [part for part in parts if part.problems]
    if wrong and group.on_problem == "reject-drop":
        told = (
            f"{sum(part.problems for part in wrong)} problems, and the group takes all or nothing"
        )
        return Noted(code=Code.DROP_REJECTED, message=told)
    if all(part.state == "rejected" for part in parts if part.record < sheets.CREATED):
        told = "no file of the drop could be read"
        if not all(part.failed for part in staged.parts if part.form.record < sheets.CREATED):
            told = f"each file of the drop has problems: {WHOLE}"
        return Noted(code=Code.FILE_REJECTED, message=told)
    return None
