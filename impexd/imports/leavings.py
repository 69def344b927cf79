"""
What a run leaves beside its bytes: rejects files, and what its plan would change.

Looked for where the run is now: in its scratch folder while it is held, else beside its bytes.
"""

import csv
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from impexd.core.errors import UsageError
from impexd.imports import diff, match
from impexd.imports import rejects as rejecting
from impexd.imports.bench import Bench
from impexd.model.run import Run


def folder(bench: Bench, run: Run) -> Path:
    """Pure: where the files of a run are."""
    if run.place:
        return (bench.desk.folders.var / run.place).parent
    return bench.desk.folders.scratch_of(run.token)


def rejects(bench: Bench, run: Run) -> list[Path]:
    """Give the rejects files of a run."""
    return sorted(folder(bench, run).glob(f"*.rejects-{run.id}.*"))


def again(
    parts: Iterable[Mapping[str, Any]],
    problems: Iterable[Mapping[str, Any]],
    written: Iterable[Path],
) -> list[dict[str, str]]:
    """
    Pure: the files of a run that have to be sent anew, with the first thing that is wrong.

    Pictures, and files that could not be read: no file of rejects can stand for them.
    """
    covered = {named[0] for path in written if (named := match.mended(path.name))}
    wrong = {
        part["member"]
        for part in parts
        if part["state"] == "rejected" or (part["counts"] or {}).get("rejected")
    }
    found: dict[str, dict[str, str]] = {}
    for problem in problems:
        name = problem["member"]
        if name in wrong and name not in found and rejecting.source(name) not in covered:
            told = {"code": problem["code"], "message": problem["message"]}
            found[name] = {"file": name} | told
    return list(found.values())


def changes(
    bench: Bench, run: Run, *, offset: int, limit: int, words: str = ""
) -> list[dict[str, str]]:
    """
    Read a page of what a run's plan would change; UsageError if nobody asked to see it.

    `words`: only lines that hold them somewhere, whatever the case.
    """
    place = folder(bench, run) / diff.NAME
    try:
        with place.open(encoding="utf-8", newline="") as lines:
            found = (one for one in csv.DictReader(lines) if _holds(one, words.lower()))
            return list(islice(found, offset, offset + limit))
    except FileNotFoundError:
        raise UsageError(
            f"run {run.id} has no list of changes",
            hint="dry runs and held runs have one: impexd import GROUP FILE --dry-run",
        ) from None


def _holds(line: dict[str, str], words: str) -> bool:
    """Pure: does a line of the plan hold these words?"""
    return not words or any(words in (cell or "").lower() for cell in line.values())
