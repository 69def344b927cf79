"""
A drop, and what holds once it has been loaded, whatever happened on the way.

    python -m tests.crash.checked HOME

is the same from the command line: says what does not hold, and ends with 1.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from tests import shop
from tests.processes import Site

SHOP = shop.rows(40)
DROP = shop.zipped(
    shop.members(SHOP, spoiled={"price": [("P000001", "EUR", "cheap"), ("P999999", "EUR", "1")]})
)
"""A drop with two rows that are rejected, so that rejects are written, too."""


def loaded(site: Site, *, runs: list[str]) -> dict[str, Any]:
    """Hold it that the drop is loaded, once, and that nothing of it lies about; gives its run."""
    assert site.states() == runs
    assert site.shop() == {entity: sorted(lines) for entity, lines in SHOP.items()}
    assert site.query("SELECT count(*) FROM price__undo") == [(0,)]
    assert [site.lying(room) for room in ("inbox", "work", "tmp")] == [[], [], []]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    run = next(run for run in site.runs() if run["state"] == "archived")
    folder = Path(run["place"]).parent.relative_to("archive")
    kept = {"drop.zip", f"prices.rejects-{run['id']}.csv", "report.json"}
    assert set(site.lying(f"archive/{folder}")) == kept
    reported(site, run)
    return run


def put_away(site: Site, run: dict[str, Any]) -> Path:
    """Hold it that a run's bytes lie where the journal says, unchanged; gives the place."""
    place = site.var / run["place"]
    assert place.read_bytes() == DROP
    assert run["sha256"] == hashlib.sha256(DROP).hexdigest()
    return place


def reported(site: Site, run: dict[str, Any]) -> None:
    """Hold it that a run's bytes are put away with a whole report beside them."""
    place = put_away(site, run)
    report = json.loads((place.parent / "report.json").read_text("utf-8"))
    assert report["id"] == run["id"]
    assert report["counts"] == run["counts"]


def main() -> None:
    """Look at an instance."""
    site = Site(Path(sys.argv[1]))
    voids = [state for state in site.states() if state == "void"]
    loaded(site, runs=[*voids, "archived"])
    assert site.lying("failed") == []


if __name__ == "__main__":
    main()
