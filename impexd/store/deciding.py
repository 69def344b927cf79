"""The plan as its sentence: what each row does, what it points at, what is lacking, what differs."""

from impexd.model.descriptor import Mode
from impexd.store import acts, references, rejecting
from impexd.store.plan import Database, Drop


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
        if sheet.together:
            rejecting.whole(db, sheet)
    for sheet in drop.sheets:
        # A list is not complete when one of its files has fallen.
        torn = {drop.feeds.get(part) for part in rejecting.fallen(db, drop)}
        if sheet.mode is Mode.REPLACE and sheet.k in drop.whole and sheet.k not in torn:
            db.execute(acts.lacking(sheet, db.names))
            if sheet.together:
                rejecting.spare(db, sheet)
