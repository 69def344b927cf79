"""
A claim is cut short at each of its calls to the system, one after the other.

Either the power goes (and a start follows), or the call fails once (and the next pass follows).
Whatever happens, each drop becomes one run with its bytes, and nothing is left lying about.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from impexd.core import durable
from impexd.core.errors import WorldError
from impexd.inbox import archive, carry, claim, examine, intake, judge, recover, scan
from impexd.model.group import Inbox
from tests.inbox.conftest import Place

MODULES = (durable, archive, carry, claim, examine, intake, judge, recover, scan)


class PowerCut(Exception):
    """The end of the world, for a test."""


class DyingOs:
    """The `os` module; its nth call raises instead."""

    def __init__(self, nth: int, error: Exception) -> None:
        self._calls = count(1)
        self._nth = nth
        self._error = error
        self.died = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if (
            not callable(found)
            or isinstance(found, type)
            or name in {"close", "fsencode", "fsdecode"}
        ):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(self._calls) == self._nth:
                self.died = True
                raise self._error
            return found(*args, **kwargs)

        return call


def dying(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> Iterator[tuple[int, pytest.MonkeyPatch]]:
    """Give the number of each call, with the world set to end there, until there is none left."""
    for nth in count(1):
        with monkeypatch.context() as patch:
            fate = DyingOs(nth, error)
            for module in MODULES:
                patch.setattr(module, "os", fate, raising=False)
            yield nth, patch
        if not fate.died:
            assert nth > 30
            return


async def cut_short(place: Place, patch: pytest.MonkeyPatch, *, power: bool) -> None:
    """Make a pass that may be cut short, then do what the daemon would do."""
    try:
        await place.take()
    except PowerCut:
        patch.undo()
        await place.restart()
    except WorldError:
        assert not power
    patch.undo()
    while (await place.take()).waiting:
        pass


@pytest.mark.parametrize(
    "rules", [Inbox(settle=0), Inbox(settle=0, copy=True)], ids=["move", "copy"]
)
@pytest.mark.parametrize("cause", ["power", "ENOSPC", "EIO"])
async def test_each_drop_is_one_run_wherever_its_claim_is_cut_short(
    place: Place, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    power = cause == "power"
    error = PowerCut() if power else OSError(getattr(errno, cause, 0), cause)
    place.drop("double.csv", b"known")
    await place.take()
    await place.mark(1, state="archived", place="archive/double.csv")
    seen = 1
    (place.var / "work" / str((await place.runs())[0]["token"])).unlink()
    for nth, patch in dying(monkeypatch, error):
        place.drop("fresh.csv", b"rows %d" % nth)
        place.drop("fresh.csv.ready", b"")
        place.drop("double.csv", b"known")
        place.drop("empty.csv", b"")
        await cut_short(place, patch, power=power)

        new = [row for row in await place.runs() if int(str(row["id"])) > seen]
        ended = sorted((row["name"], row["state"]) for row in new if row["state"] != "void")
        assert ended == [
            ("double.csv", "duplicate"),
            ("empty.csv", "failed"),
            ("fresh.csv", "claimed"),
        ], nth
        assert place.names("inbox") == [], nth
        (fresh,) = (row for row in new if row["state"] == "claimed")
        assert place.names("work") == [fresh["token"]], nth
        path = place.desk.folders.bytes_of(str(fresh["token"]))
        assert path.read_bytes() == b"rows %d" % nth
        assert place.jobs.count(int(str(fresh["id"]))) >= 1
        for row in new:
            if row["state"] in ("failed", "duplicate"):
                assert (place.var / str(row["place"])).is_file(), nth
        path.unlink()
        await place.mark(int(str(fresh["id"])), state="archived", place="elsewhere")
        seen = max(int(str(row["id"])) for row in new)


async def test_a_start_that_is_cut_short_anywhere_is_made_good_by_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0
    for nth in count(1):
        place.drop("applied.csv", b"%d" % nth)
        place.drop("torn.csv", b"%d" % nth)
        await place.take()
        await place.mark(seen + 1, state="duplicate")
        await place.mark(seen + 2, state="claiming", sha256=None)
        (place.var / "work" / f"f{nth:031d}").write_bytes(b"nobody's")
        fate = DyingOs(nth, PowerCut())
        with monkeypatch.context() as patch:
            for module in MODULES:
                patch.setattr(module, "os", fate, raising=False)
            with suppress(PowerCut):
                await place.restart()
        await place.restart()
        rows = (await place.runs())[seen:]
        assert [row["state"] for row in rows] == ["duplicate", "claimed"], nth
        assert (place.var / str(rows[0]["place"])).read_bytes() == b"%d" % nth
        assert place.bytes_of(seen + 2, rows) == b"%d" % nth
        assert len(place.names("failed/orphans")) == nth
        assert place.names("work") == [rows[1]["token"]]
        place.desk.folders.bytes_of(str(rows[1]["token"])).unlink()
        await place.mark(seen + 2, state="archived", place="elsewhere")
        seen += 2
        if not fate.died:
            assert nth > 30
            return
