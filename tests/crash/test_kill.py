"""
kill -9 at a hundred random moments, each followed by a start: nothing is lost, nothing doubled.

Drops follow each other into one instance, and each changes every record of the one before.  The
daemon is killed while it works on them, half of the time with its worker, half of the time alone,
and is now and then let come to its end.
"""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import shop
from tests.processes import Running, Site, until

KILLS = 50
"""For each of two instances, which share the machine."""
PRODUCTS = 600
OFTEN = 2
"""Attempts at a run that may be killed; the third would have it held as the culprit."""


@dataclass
class Story:
    """One instance and what has happened to it so far."""

    site: Site
    chance: random.Random
    lasts: float = 1.0
    """Seconds that an undisturbed start takes from its lock to its end."""
    drops: int = 0
    kills: int = 0

    def drop(self) -> None:
        """Put another edition of all records into the inbox."""
        self.drops += 1
        records = shop.rows(PRODUCTS, edition=self.drops)
        self.site.drop(f"{self.drops:03d}.zip", shop.zipped(shop.members(records)))

    def cut_short(self) -> None:
        """Start, and kill at a random moment after the instance has been opened."""
        with self.site.started("run", "--drain") as running:
            self._opened(running)
            time.sleep(self.chance.uniform(0, self.lasts))
            self.kills += running.ended() is None
            running.kill(group=self.chance.random() < 0.5)
            until(lambda: not running.family(), "its worker dies with the daemon")
            assert "Traceback" not in running.said(), running.said()

    def finish(self) -> None:
        """Let a start come to its end, and hold it that all is well."""
        with self.site.started("run", "--drain") as running:
            self._opened(running)
            since = time.monotonic()
            assert running.wait() == 0, running.said()
            self.lasts = time.monotonic() - since
        self.hold(running.said())

    def hold(self, said: str) -> None:
        """Each drop is loaded once, the last one is what the tables say, nothing lies about."""
        site = self.site
        runs = [run for run in site.runs() if run["state"] != "void"]
        assert {run["state"] for run in runs} == {"archived"}, said
        assert [run["name"] for run in runs] == [f"{n + 1:03d}.zip" for n in range(self.drops)]
        records = shop.rows(PRODUCTS, edition=self.drops)
        assert site.shop() == {entity: sorted(lines) for entity, lines in records.items()}
        images = [(run["id"], PRODUCTS) for run in runs[1:]]
        counted = "SELECT _run, count(*) FROM {} GROUP BY _run ORDER BY _run"
        assert site.query(counted.format("price__undo")) == images
        assert site.query(counted.format("product__undo")) == images
        assert [site.lying(room) for room in ("inbox", "work", "failed")] == [[], [], []]
        archived = [f"{Path(run['place']).parent.relative_to('archive')}" for run in runs]
        names = [f"{folder}/{name}" for folder in archived for name in ("report.json", "*.zip")]
        assert all(list((site.var / "archive").glob(name)) for name in names)
        assert len(site.lying("archive")) == len(names)

    def endangered(self) -> bool:
        """Is a run such that another kill could have it held?"""
        begun = "state IN ('staging', 'planned', 'applying')"
        found = self.site.query(f"SELECT max(crashes) FROM run WHERE {begun}")
        return bool(found) and (found[0][0] or 0) + 1 >= OFTEN

    def _opened(self, running: Running) -> None:
        """Wait until a start has got as far as the instance's lock, or has ended."""
        lock = self.site.var / "impexd.lock"
        until(
            lambda: lock.read_text() == str(running.pid) or running.ended() is not None,
            "the instance is opened",
        )


def told(folder: Path, seed: int) -> Story:
    """Live through one story, and give it."""
    story = Story(Site(folder), random.Random(seed))
    story.drop()
    story.finish()
    while story.kills < KILLS:
        story.drop()
        story.cut_short()
        if story.endangered():
            story.finish()
    story.finish()
    return story


def test_a_hundred_kills_lose_nothing_and_double_nothing(bare: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        shutil.copytree(bare, folder / "var")
    with ThreadPoolExecutor() as lanes:
        stories = list(lanes.map(told, folders, (1, 2)))
    assert sum(story.kills for story in stories) == 2 * KILLS
