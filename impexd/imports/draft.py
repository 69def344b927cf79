"""
Plan a staged drop: count what it would do, and say what is wrong.

Runs in a worker process, after `stage`.  Takes a loaded stage; gives `Planned`, the value that
the daemon decides on (guards, hold, apply).  The SQL of it is `store.plan`.
"""

from collections.abc import Sequence

from impexd.core.text import shown
from impexd.imports.order import Counts, Noted, PartResult, Planned
from impexd.imports.stage import Part, Staged
from impexd.model.entity import Catalogue
from impexd.model.group import ImportGroup
from impexd.model.problem import Code
from impexd.store import plan
from impexd.store import stage as tables
from impexd.store.plan import Drop
from impexd.store.staging import Staging


def make(
    db: Staging, run: int, staged: Staged, group: ImportGroup, catalogue: Catalogue, listed: int
) -> Planned:
    """Plan what the stage holds; at most `listed` problems are given for each part."""
    drop = Drop(
        run,
        tuple(form.sheet for form in staged.forms),
        {part.n: part.member for part in staged.parts},
        catalogue,
        group.on_problem,
    )
    db.begin()
    at = _changes(db, drop)
    plan.decide(db, drop)
    parts = _parts(db, staged)
    planned = Planned(
        descriptors=tuple(dict.fromkeys(form.descriptor for form in staged.forms)),
        parts=tuple(parts),
        problems=tuple(_problems(db, staged.parts, listed)),
        told=sum(part.problems for part in parts),
        at=at,
        refused=_refused(group, staged, parts),
    )
    db.commit()
    return planned


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


def _parts(db: Staging, staged: Staged) -> list[PartResult]:
    rows: dict[int, tuple[int, ...]] = {}
    for form in staged.forms:
        for part, *numbers in db.rows(plan.counted(form.sheet, db.names)):
            rows[int(str(part))] = tuple(int(str(number or 0)) for number in numbers)
    told = {int(str(part)): int(str(count)) for part, count in db.rows(tables.told(db.names))}
    return [
        _part(part, rows.get(part.n, (0, 0, 0, 0, 0)), told.get(part.n, 0)) for part in staged.parts
    ]


def _part(part: Part, numbers: Sequence[int], problems: int) -> PartResult:
    records, rejected, inserted, updated, deleted = numbers
    sheet = part.form.sheet
    return PartResult(
        n=part.n,
        member=part.name,
        descriptor=part.form.descriptor,
        record=part.form.record,
        entity=sheet.kind.name,
        mode=sheet.mode.value,
        state="rejected" if part.failed else "planned",
        counts=Counts(
            read=part.read,
            inserted=inserted,
            updated=updated,
            unchanged=records - rejected - inserted - updated - deleted,
            deleted=deleted,
            rejected=part.rejected + rejected,
        ),
        problems=problems,
    )


def _problems(db: Staging, parts: Sequence[Part], listed: int) -> list[Noted]:
    """The first problems of each part, by line."""
    found: list[Noted] = []
    for part in parts:
        rows = db.rows(tables.problems_of(part.n, listed, db.names))
        for line, code, col, message, cell in rows:
            found.append(
                Noted(
                    part=part.n,
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
    if all(part.state == "rejected" for part in parts):
        return Noted(code=Code.FILE_REJECTED, message="no file of the drop could be read")
    return None
