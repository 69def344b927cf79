"""All inboxes together: what ails one does not hold up the others."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

from impexd.inbox import tend
from impexd.inbox.desk import Inlet
from impexd.inbox.intake import Taken
from impexd.model.group import Inbox
from tests.inbox.conftest import Place

SECONDS = 20


class Heard:
    """What was reported, and a way to wait for some of it."""

    def __init__(self) -> None:
        self.news: list[tuple[str, Taken | str]] = []
        self._more = anyio.Event()

    def report(self, group: str, news: Taken | str) -> None:
        self.news.append((group, news))
        self._more.set()
        self._more = anyio.Event()

    async def until(self, wanted: Callable[[str, Taken | str], bool]) -> None:
        while not any(wanted(*one) for one in self.news):
            await self._more.wait()
        self.news.clear()


def took(name: str) -> Callable[[str, Taken | str], bool]:
    return lambda group, news: group == name and isinstance(news, Taken) and bool(news.claimed)


def other(place: Place) -> Inlet:
    path = place.var / "inbox" / "stock"
    path.mkdir()
    return replace(place.inlet, group="stock", path=path)


async def test_a_file_is_taken_when_it_is_heard_of_and_has_settled(place: Place) -> None:
    inlet = replace(place.inlet, rules=Inbox(settle=0.05))
    place = replace(place, inlet=inlet)
    heard = Heard()
    real = replace(place.desk, clock=Ticking())
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: tend.tend(real, [inlet], rescan=3600, report=heard.report))
            await heard.until(lambda *_: True)
            place.drop("a.csv")
            await heard.until(took("products"))
            tasks.cancel_scope.cancel()


class Ticking:
    """The machine's clock with other tokens."""

    def __init__(self) -> None:
        from impexd.core.clock import SYSTEM

        self.now, self.monotonic, self.token = SYSTEM.now, SYSTEM.monotonic, SYSTEM.token


async def test_an_inbox_that_is_gone_is_degraded_and_works_again_when_it_is_back(
    place: Place,
) -> None:
    stock = other(place)
    place.inbox.rmdir()
    heard = Heard()
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            inlets = [place.inlet, stock]
            tasks.start_soon(lambda: tend.tend(place.desk, inlets, rescan=0.2, report=heard.report))
            await heard.until(lambda group, news: group == "products" and isinstance(news, str))
            (stock.path / "a.csv").write_bytes(b"rows")
            await heard.until(took("stock"))
            place.inbox.mkdir()
            place.drop("b.csv")
            await heard.until(took("products"))
            tasks.cancel_scope.cancel()
    assert sorted(await place.states()) == [("a.csv", "claimed"), ("b.csv", "claimed")]


@pytest.mark.parametrize("count", [300])
async def test_a_late_group_does_not_wait_for_a_full_one(place: Place, count: int) -> None:
    stock = other(place)
    for number in range(count):
        place.drop(f"{number:05d}.csv", b"%d" % number)
    (stock.path / "urgent.csv").write_bytes(b"rows")
    heard = Heard()
    order: list[str] = []
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:

            def report(group: str, news: Taken | str) -> None:
                if isinstance(news, Taken) and news.claimed:
                    order.append(group)
                heard.report(group, news)

            inlets = [place.inlet, stock]
            tasks.start_soon(lambda: tend.tend(place.desk, inlets, rescan=3600, report=report))
            await heard.until(took("products"))
            tasks.cancel_scope.cancel()
    assert order == ["stock", "products"]
