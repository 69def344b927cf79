"""How fast partners are told: as many at a time as they bear, later when they ask, in order where said."""

import json

import anyio
import anyio.abc
import pytest

from impexd.orders.chain import flags, tell, tend
from tests import peer
from tests.orders.chain import partners
from tests.orders.chain.called import HTTP, first, paid, sender
from tests.orders.chain.house import House, exporter, order
from tests.peer import answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAKEN = answer(b'{"ok": true, "ref": "R-1"}', "201 Created")


async def test_as_many_are_sent_at_a_time_as_the_partner_bears_and_no_more(house: House) -> None:
    inside, most = 0, 0
    full = anyio.Event()

    async def play(_asked: str, stream: anyio.abc.ByteStream) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == 3:
            full.set()
        await full.wait()
        await stream.send(TAKEN)
        inside -= 1

    async with peer.peer(play) as erp:
        text = sender(erp.url, concurrency=3)
        await paid(house, text, *(str(n) for n in range(7)))
        assert (most, len(erp.asked)) == (3, 7)
        assert {one["state"] for one in await house.tasks()} == {"done"}


async def test_what_comes_while_a_partner_is_slow_with_another_does_not_wait_for_it(
    house: House,
) -> None:
    begun, second = anyio.Event(), anyio.Event()

    async def play(_asked: str, stream: anyio.abc.ByteStream) -> None:
        (second if begun.is_set() else begun).set()
        await second.wait()
        await stream.send(TAKEN)

    async with peer.peer(play) as erp:
        await house.fresh(erp=sender(erp.url))
        await house.put(order("1"), order("2"))
        await house.flag("1", "INITPAID")
        await flags.carry(house.chain)
        async with anyio.create_task_group() as group:
            group.start_soon(tell.carry, house.chain, "erp")
            await begun.wait()
            await house.flag("2", "INITPAID")
            await flags.carry(house.chain)
            assert not await tend.look(house.chain)  # no other job: the one that goes on is told
        assert await house.states() == {"erp 1": "done", "erp 2": "done"}


async def test_retry_after_is_honoured_and_capped_at_an_hour(house: House) -> None:
    said = answer(b"{}", "503 Service Unavailable", Retry_After="1800")
    async with partners.http(lambda *_: said) as erp:
        await paid(house, sender(erp.url))
        house.clock.tick(1790)
        await house.turn()
        assert len(erp.asked) == 1
        said = answer(b"{}", "503 Service Unavailable", Retry_After="Fri, 31 Dec 2199 23:59:59 GMT")
        erp.behave = lambda *_: said
        house.clock.tick(20)
        await house.turn()
        assert len(erp.asked) == 2
        house.clock.tick(3601)
        await house.turn()
        assert len(erp.asked) == 3


async def test_a_partner_that_is_down_for_an_hour_keeps_only_its_own_waiting(house: House) -> None:
    async with partners.http() as a, partners.http() as b, partners.http() as c:
        down = b.url
        await house.fresh(
            a=sender(a.url, next="A_TOLD"),
            b=exporter(
                "http",
                "A_TOLD",
                HTTP.format(url=down),
                next="B_TOLD",
                ordered=True,
                breaker={"failures": 3, "pause": "1 min", "most": "5 min"},
            ),
            c=exporter("http", "B_TOLD", HTTP.format(url=c.url)),
            other=exporter("http", "INITPAID", HTTP.format(url=c.url)),
        )
        b.behave = lambda *_: answer(b"{}", "503 Service Unavailable")
        numbers = [str(n) for n in range(6)]
        await house.put(*(order(number) for number in numbers))
        for number in numbers:
            await house.flag(number, "INITPAID", "INITPAID")
        asked = []
        for _ in range(60):
            await house.turn()
            asked.append(len(b.asked))
            house.clock.tick(60)
        states = await house.states()
        assert {states[f"a {n}"] for n in numbers} == {states[f"other {n}"] for n in numbers}
        assert {states[f"a {n}"] for n in numbers} == {"done"}
        assert len(a.effects) == len(c.effects) == 12
        assert not {states[f"b {n}"] for n in numbers} & {"done", "failed", "held"}
        # Left alone for longer and longer: hardly asked in an hour, and not by every task.
        assert asked[-1] < 40
        told = await house.place.asked.get("/api/v1/tasks", limit=1)
        assert told["partners"]["b"]["reason"] == "answered 503"
        b.behave = None
        house.clock.tick(1000)
        await house.turn()
        for _ in range(20):
            house.clock.tick(60)
            await house.turn()
        assert set((await house.states()).values()) == {"done"}
        assert len(b.effects) == 12 and len(c.effects) == 24
        told_first = [json.loads(body) for _, _, body in b.asked[-12:]]
        for number in numbers:
            own = [one["task"] for one in told_first if one["order"]["number"] == number]
            assert own == sorted(own)


async def test_ordered_tasks_of_an_order_wait_for_the_one_before(house: House) -> None:
    busy = answer(b"{}", "422 Unprocessable")
    async with partners.http(first(busy, taken=False)) as erp:
        await house.fresh(
            erp=exporter("http", "SHIPPED", HTTP.format(url=erp.url), per="delivery", ordered=True)
        )
        await house.put(order("1", warehouses="W1,W2"), order("2"))
        await house.flag("1", "SHIPPED", delivery=0)
        await house.turn()
        await house.flag("1", "SHIPPED", delivery=1)
        await house.flag("2", "SHIPPED", delivery=0)
        await house.turn()
        assert await house.states() == {
            "erp 1-1": "failed",
            "erp 1-2": "ready",
            "erp 2-1": "done",
        }
        told = (await house.why("1"))["flags"]
        blocker = told[0]["tasks"][0]["id"]
        assert told[1]["tasks"][0]["waits"] == f"task {blocker}, which comes before it"
        await house.decide("skip", blocker)
        house.clock.tick(1)
        await house.turn()
        assert (await house.states())["erp 1-2"] == "done"
