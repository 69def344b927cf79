"""
Rows that wait for their parent, on the worker's side: written out by a plan, staged again later.

A row that waits is kept as its converted values, so that its file's format does not matter.
When its parent has come, it returns as a drop of our own (`parked.jsonl`: one row a line) and
takes the same path as any other.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from impexd.imports import convert, sheets, values
from impexd.imports.sheets import Form
from impexd.imports.stage import Part, Staged, begin, keep
from impexd.model.descriptor import Descriptor, Mode
from impexd.model.entity import Catalogue
from impexd.model.group import ImportGroup
from impexd.model.problem import Code
from impexd.store import differences
from impexd.store.staging import Staging

NAME = "parked.jsonl"
"""What a plan leaves in the scratch folder if rows wait, and what their drop is called."""

BATCH = 500


def write(db: Staging, staged: Staged, scratch: Path) -> None:
    """Write the rows that wait, durably; none, no file."""
    target = scratch / NAME
    target.unlink(missing_ok=True)
    lines = _lines(db, staged)
    first = next(lines, None)
    if first is None:
        return
    with target.open("w", encoding="utf-8") as out:
        out.write(first)
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())


def _lines(db: Staging, staged: Staged) -> Iterator[str]:
    parts = {part.n: part for part in staged.parts}
    for form in staged.forms:
        for part_n, line, own, entity, key, *cells in db.each(
            differences.waiting(form.sheet, db.names)
        ):
            part = parts[part_n]
            row = {
                "descriptor": form.descriptor,
                "record": form.record,
                "member": part.name,
                "line": line,
                "key": own,
                "waits_entity": entity,
                "waits_key": key,
                "cells": [plain(cell) for cell in cells],
            } | staged.origins.get((part_n, line), {})
            yield json.dumps(row, ensure_ascii=False) + "\n"


def plain(value: Any) -> str | int | None:
    """Pure: a value as a database gives it, in the one form all stores share."""
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return values.decimal(format(value, "f"), None)
    if isinstance(value, datetime):
        return values.utc(value)
    if isinstance(value, date):
        return value.isoformat()
    return values.canonical(value)


def fill(
    db: Staging, source: Path, descriptors: Mapping[str, Descriptor], catalogue: Catalogue
) -> Staged:
    """Stage a drop of rows that waited, but those that a newer row has taken the place of since."""
    rows = _standing(db, [json.loads(line) for line in source.read_text("utf-8").splitlines()])
    used = dict.fromkeys(row["descriptor"] for row in rows if row["descriptor"] in descriptors)
    forms = sheets.forms(used, descriptors, catalogue)
    by_place = {(form.descriptor, form.record): form for form in forms}
    staged = Staged(forms)
    begin(db, forms)
    db.begin()
    parts: dict[tuple[str, int, str], Part] = {}
    for row in rows:
        form = by_place.get((row["descriptor"], row["record"]))
        if form is None:
            gone = f"{row['member']}, line {row['line']} (descriptor {row['descriptor']})"
            staged.unmatched.append(gone)
            continue
        place = (row["descriptor"], row["record"], row["member"])
        if place not in parts:
            parts[place] = Part(len(staged.parts), len(parts), row["member"], form)
            staged.parts.append(parts[place])
        _row(db, staged, parts[place], form, row)
    db.commit()
    for form in forms:
        if form.record >= sheets.CREATED:
            staged.parts.append(Part(len(staged.parts), -1, "", form))
    keep(db, staged)
    return staged


def _row(db: Staging, staged: Staged, part: Part, form: Form, row: Mapping[str, Any]) -> None:
    part.read += 1
    cells = tuple(row["cells"])
    if why := _late(form, row):
        part.rejected += 1
        db.problems([(part.n, row["line"], Code.EXPIRED.value, None, why, row["waits_key"])])
        return
    head = (None,) if form.sheet.row_modes else ()
    record = (row["line"], convert.digest((*head, *cells), convert.seed_of(form.columns)))
    db.load(form.sheet, part.n, [(*record, *head, *cells)])
    staged.origins[part.n, row["line"]] = {name: row[name] for name in ("since", "until", "run")}


def _late(form: Form, row: Mapping[str, Any]) -> str:
    """Pure: why a row does not wait on and is not loaded; "" if it is tried again."""
    if row.get("expired"):
        return f"{row['waits_entity']} {row['waits_key']} has not come until {row['until'][:10]}"
    if len(row["cells"]) != len(form.columns):
        return "the columns of its descriptor have changed while it waited; send it again"
    return ""


def _standing(db: Staging, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the rows that are not kept waiting any more."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    within = f"id BETWEEN {min(ids):d} AND {max(ids):d}"
    kept = {id for (id,) in db.each(f"SELECT id FROM {db.names.live}parked WHERE {within}")}
    return [row for row in rows if row["id"] in kept]


def merged(descriptors: Mapping[str, Descriptor]) -> dict[str, Descriptor]:
    """Pure: descriptors for rows that come back: some rows are no complete list of anything."""

    def tame(descriptor: Descriptor) -> Descriptor:
        records = tuple(
            record.model_copy(update={"mode": Mode.MERGE})
            if (record.mode or descriptor.mode) is Mode.REPLACE
            else record
            for record in descriptor.record
        )
        mode = Mode.MERGE if descriptor.mode is Mode.REPLACE else descriptor.mode
        return descriptor.model_copy(update={"mode": mode, "record": records})

    return {name: tame(descriptor) for name, descriptor in descriptors.items()}


def by_row(group: ImportGroup) -> ImportGroup:
    """Pure: a group's rules for rows that come back: each stands for itself."""
    return group.model_copy(update={"on_problem": "reject-row", "unmatched": "warn"})
