"""What has come is heard: in any order, once, and nothing stands in the way of what is behind it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from impexd.feeds import hear
from impexd.model.message import Said
from impexd.store import messages
from impexd.store.messages import Fresh
from tests.clock import FakeClock
from tests.feeds import house
from tests.feeds.house import MAP, House, Orders, opened, said

ETC = house.etc(
    shop='kind = "webhook"\nmap = "plain"\nscheme = "aftership"\nsecrets = [{ env = "X" }]\npark_for = 2\n'
)


async def put(place: House, *bodies: Any) -> None:
    """Have messages come."""
    from impexd.core.clock import stamp
    from impexd.feeds import intake

    used = place.bench.config().maps["plain"]
    now = stamp(place.bench.clock.now())
    some = [
        Fresh("shop", f"raw-{n}", "x", body, now, "webhook")
        if isinstance(body, str)
        else intake.fresh(body, used, "shop", "webhook", now)
        for n, body in enumerate(bodies)
    ]
    async with place.bench.store.writing() as tx:
        await messages.put(tx, some)


def knowing(place: House, *numbers: str) -> Orders:
    orders = Orders(*numbers)
    place.bench.apply = orders
    return orders


async def test_a_message_is_applied_with_its_outcome_beside_it(
    tmp_path: Path, store_url: str
) -> None:
    async with opened(tmp_path, store_url, ETC) as place:
        orders = knowing(place, "O-1")
        await put(place, said(1, tracking="T", lines=[{"sku": "A", "shipped": "1.5"}]))
        await hear.hear(place.bench)
        await hear.hear(place.bench)
        (heard,) = orders.heard
        assert (heard.source, heard.order, heard.said, heard.tracking) == (
            "shop",
            "O-1",
            Said.SHIP,
            "T",
        )
        (kept,) = await place.messages()
        assert kept["id"] == heard.row
        assert (kept["state"], kept["attempts"], kept["about"], kept["said"]) == (
            "applied",
            1,
            "O-1",
            "ship",
        )


async def test_what_no_order_is_there_for_waits_until_it_is(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, ETC, clock=clock) as place:
        orders = knowing(place)
        await put(place, said(1), said(2))
        await hear.hear(place.bench)
        assert await place.states() == {"evt-1": "parked", "evt-2": "parked"}
        await hear.hear(place.bench)  # it is not its time yet
        assert {row["attempts"] for row in await place.messages()} == {1}
        orders.known.add("O-2")
        clock.tick(11)
        await hear.hear(place.bench)
        assert await place.states() == {"evt-1": "parked", "evt-2": "applied"}


async def test_what_waits_too_long_is_given_up_and_can_be_tried_again_by_hand(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, ETC, clock=clock) as place:
        orders = knowing(place)
        await put(place, said(1), said(2))
        tries = 0
        while "parked" in (await place.states()).values() or tries == 0:
            await hear.hear(place.bench)
            clock.tick(1800)
            tries += 1
        assert 48 < tries < 105  # two days, an hour apart at most
        dead = await place.messages("dead")
        assert len(dead) == 2
        assert dead[0]["reason"] == "given up after 2 days: no order of this number"
        orders.known |= {"O-1", "O-2"}
        done = await place.site.asked.post(
            "/api/v1/messages/replay", ids=[dead[0]["id"]], note="it came"
        )
        assert done == {"replayed": 1}
        await hear.hear(place.bench)
        await place.heard()
        assert await place.states() == {"evt-1": "applied", "evt-2": "dead"}
        assert (await place.messages("applied"))[0]["note"] == "it came"
        assert await place.site.asked.post("/api/v1/messages/replay") == {"replayed": 1}
        await hear.hear(place.bench)
        await place.heard()
        assert set((await place.states()).values()) == {"applied"}


async def test_a_message_nobody_can_read_stands_in_nobodys_way(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, ETC, clock=clock) as place:
        orders = knowing(place, "O-1", "O-2", "O-3", "O-4")
        orders.failing = {"evt-3"}
        bad = said(2, at="yesterday")
        await put(place, "no JSON", json.dumps([1]), bad, said(3), said(4))
        await hear.hear(place.bench)
        assert [row["state"] for row in await place.messages()] == [
            "dead",
            "dead",
            "dead",
            "parked",
            "applied",
        ]
        reasons = [row["reason"] for row in await place.messages()]
        assert "at: yesterday is no moment; `moments` in the map" in (reasons[2] or "")
        assert reasons[3] == "a fault of impexd: ZeroDivisionError: no such thing"
        for _ in range(3):
            clock.tick(3600)
            await hear.hear(place.bench)
        assert (await place.states())["evt-3"] == "dead"


async def test_a_mended_map_helps_what_was_not_understood(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, sqlite_url, ETC, clock=clock) as place:
        orders = knowing(place, "O-1")
        await put(place, said(1, status="Zugestellt"))
        await hear.hear(place.bench)
        assert orders.heard[0].said is Said.UNKNOWN
        (feed,) = (await place.site.asked.get("/api/v1/feeds"))["feeds"]
        assert feed["unknown"] == {"Zugestellt": 1}
        async with place.bench.store.writing() as tx:
            await messages.outcome(tx, 1, state="noted")  # as orders answer to a word of no meaning
        (place.site.home / "etc/feeds/plain.toml").write_text(MAP + 'zugestellt = "deliver"\n')
        await place.site.instance.reload()
        await place.site.asked.post("/api/v1/messages/replay")
        await hear.hear(place.bench)
        assert orders.heard[1].said is Said.DELIVER


async def test_what_is_pressing_is_found_after_a_crash(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, ETC, clock=clock) as place:
        knowing(place, "O-1")
        await put(place, said(1))  # and nobody has rung
        await place.tended()
        assert await place.states() == {"evt-1": "applied"}


async def test_old_messages_are_forgotten_and_those_that_wait_are_not(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, sqlite_url, ETC, clock=clock) as place:
        knowing(place, "O-1")
        await put(place, said(1), said(2))
        await hear.hear(place.bench)
        async with place.bench.store.writing() as tx:
            before = clock.now() + timedelta(days=1)
            assert await messages.purge(tx, before=before, limit=100) == 1
        assert await place.states() == {"evt-2": "parked"}


def test_an_outcome_is_decided_by_values_alone(clock: FakeClock) -> None:
    from impexd.core.clock import stamp
    from impexd.model.message import Heard, Outcome

    now = clock.now()
    row = {"attempts": 3, "received": stamp(now - timedelta(days=1)), "until": None}
    parked = hear.ended(row, Heard(Outcome.PARKED, "not yet"), 2.0, now, 0.0)
    assert (parked["state"], parked["attempts"], parked["ended"]) == ("parked", 4, None)
    assert parked["next_at"] == stamp(now + timedelta(seconds=80))
    heard = replace(Heard(Outcome.PARKED, "not yet"), order=7)
    assert hear.ended(row, heard, 1.0, now, 0.0)["state"] == "dead"
