"""
The report of a run: what came, what became of it, what is wrong with the rest.

Pure: from the journal's values to one JSON document, the same in `report.json`, `impexd show
--json` and the page.  Its keys are documented in the README and stable.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from impexd.model.run import Run

COUNTED = ("inserted", "updated", "unchanged", "deleted", "rejected")


def by_entity(parts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Pure: the counts of parts added up for each entity."""
    sums: dict[str, dict[str, int]] = {}
    for part in parts:
        mine = sums.setdefault(part["entity"], dict.fromkeys(COUNTED, 0))
        for name in COUNTED:
            mine[name] += (part["counts"] or {}).get(name, 0)
    return sums


def brief(run: Run) -> dict[str, Any]:
    """Pure: a run as one JSON object."""
    return {
        "id": run.id,
        "group": run.group,
        "kind": run.kind,
        "state": run.state.value,
        "origin": run.origin,
        "source": {"name": run.name, "sha256": run.sha256, "bytes": run.bytes},
        "counts": run.counts,
        "problems": run.problems,
        "code": run.code,
        "message": run.message,
        "created": run.created,
        "started": run.started,
        "finished": run.finished,
        "seconds": seconds(run),
        "attempt": run.attempt,
        "dry": run.dry,
        "parent": run.parent,
        "note": run.note,
        "actor": run.actor,
        "report": _report(run),
    }


def _report(run: Run) -> str | None:
    if not run.place or run.kind == "export":
        return None
    return f"{run.place.rpartition('/')[0]}/report.json"


def whole(
    run: Run, parts: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Pure: a run with its parts and its listed problems."""
    return brief(run) | {
        "parts": [
            {
                name: part[name]
                for name in ("n", "member", "descriptor", "record", "entity", "mode", "state")
            }
            | {"counts": part["counts"], "problems": part["problems"]}
            for part in parts
        ],
        "listed": [
            {
                "file": problem.get("member"),
                "descriptor": problem.get("descriptor"),
                "line": problem["line"],
                "column": problem["col"],
                "code": problem["code"],
                "message": problem["message"],
                "cell": problem["cell"],
            }
            for problem in problems
        ],
    }


def seconds(run: Run) -> float | None:
    """Pure: how long a run took, from its start to its end."""
    if not run.started or not run.finished:
        return None
    start, end = (datetime.fromisoformat(moment) for moment in (run.started, run.finished))
    return round((end - start).total_seconds(), 3)
