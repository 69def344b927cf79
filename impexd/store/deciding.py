"""The plan as its sentence: what each row does, what it points at, what is lacking, what differs."""

from impexd.model.descriptor import Mode
from impexd.store import acts, references, stage
from impexd.store.plan import Database, Drop
from impexd.store.stage import Sheet


def decide(db: Database, drop: Drop) -> None:
    """Fill `p<k>`, `b<k>`, `w<k>` and `problem` for all sheets."""
    created = {k for k, _ in drop.created}
    for sheet in drop.sheets:
        if sheet.k not in created:
            acts.decide(db, drop, sheet)
    references.settle(db, drop)
    for sheet in drop.sheets:
        if acts.relate(db, drop, sheet):
            references.again(db, drop)
        db.execute(acts.unchanged(sheet, db.names))
    for sheet in drop.sheets:
        if sheet.mode is Mode.REPLACE and sheet.k in drop.whole and not _torn(db, sheet):
            db.execute(acts.lacking(sheet, db.names))


def _torn(db: Database, sheet: Sheet) -> bool:
    """Has a file of the sheet fallen as a whole?  Then the list is not complete."""
    query = stage.fallen(db.names) + f" AND sheet = {sheet.k}"
    return bool(db.rows(query))
