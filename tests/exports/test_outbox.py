"""A partner who looks into an outbox again and again never finds part of a file."""

import hashlib
import threading
from pathlib import Path

from tests.exports import things
from tests.exports.house import House

ROUNDS, AT_ONCE = 10, 20


class Partner:
    """Looks every millisecond; each file, when first seen, has all its bytes."""

    def __init__(self, outbox: Path) -> None:
        self.found: dict[str, str] = {}
        self.wrong: list[str] = []
        self._outbox = outbox
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Partner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.001):
            ready = {path.name.removesuffix(".ready") for path in self._outbox.glob("*.ready")}
            for path in sorted(self._outbox.glob("*.csv")):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                if self.found.setdefault(path.name, digest) != digest:
                    self.wrong.append(f"{path.name} has changed")
            self.wrong += [f"{name} came after its companion" for name in ready - self.found.keys()]


async def test_two_hundred_exports_are_whole_from_the_moment_they_are_seen(house: House) -> None:
    more = 'file = "same.csv"\ncompanions = [".ready"]\n'
    await house.say(groups__csv=things.group("csv-out", more=more))
    await house.put(*({"code": f"c{n}", "note": "x" * 100} for n in range(300)))
    outbox = house.instance.config.var / "outbox" / "csv"
    published = {}
    with Partner(outbox) as partner:
        for _ in range(ROUNDS):
            begun = [await house.begin("csv") for _ in range(AT_ONCE)]
            for run in begun:
                one = (await house.inside.settled(run))["export"]
                published[one["name"]] = one["sha256"]
    assert partner.wrong == []
    assert set(published) == {path.name for path in outbox.glob("*.csv")}
    assert len(published) == ROUNDS * AT_ONCE
    assert partner.found.items() <= published.items()
    assert len(partner.found) > ROUNDS
