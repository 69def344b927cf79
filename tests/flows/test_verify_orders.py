"""`impexd verify` finds what was done by hand to messages, tasks and orders, on both engines."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.answers.verify import orders as checking
from impexd.answers.verify import run as verifying
from impexd.feeds import intake
from impexd.orders import placing
from impexd.orders.bench import bench
from impexd.orders.chain import tend
from impexd.orders.run import By
from tests.feeds import house
from tests.feeds.house import HOOK, MAIN, MAP, SECRET, House, calling, opened, said
from tests.orders.chain.house import exporter
from tests.orders.house import PAID, placement

ETC = house.etc(pushed=HOOK.format(scheme="aftership")) | {
    "impexd.toml": MAIN + '[orders]\nstock = "off"\n',
    "feeds/plain.toml": MAP,
    "exporters/erp.toml": exporter("file", "INITPAID", next="TOLD"),
    "exporters/after.toml": exporter("file", "TOLD"),
}
TASK = "SELECT MIN(id) FROM task WHERE exporter = 'erp'"
COPIED = (
    "flag_id, order_id, delivery_id, about, flag, root, exporter, priority, state, maybe, attempts,"
    " epoch, due, made, since"
)
DAMAGES = {
    "message_state": ["UPDATE message SET state = 'lost' WHERE state = 'parked'"],
    "message_order": ["UPDATE message SET order_id = 999 WHERE state = 'applied'"],
    "message_trace": ["UPDATE order_audit SET message = NULL"],
    "message_ended": ["UPDATE message SET ended = NULL WHERE state = 'applied'"],
    "flag_without_tasks": [f"DELETE FROM task WHERE id = ({TASK})"],
    "flag_with_tasks": ["UPDATE order_flag SET state = 'open' WHERE flag = 'TOLD'"],
    "flag_doubled": [
        "INSERT INTO order_flag (order_id, delivery_id, flag, raised, audit_id, state)"
        " SELECT order_id, delivery_id, flag, raised, audit_id, 'unheard' FROM order_flag"
        " WHERE flag = 'INITPAID'"
    ],
    "task_state": [f"UPDATE task SET state = 'lost' WHERE id = ({TASK})"],
    "task_strange": [
        f"INSERT INTO task ({COPIED}, generation, key) SELECT {COPIED}, 2, 'copied' FROM task"
        f" WHERE id = ({TASK})"
    ],
    "task_gap": [f"UPDATE task SET generation = 3 WHERE id = ({TASK})"],
    "task_journal": [f"UPDATE task SET state = 'failed' WHERE id = ({TASK})"],
    "next_flag_gone": [f"UPDATE task SET raised = 999 WHERE id = ({TASK})"],
    "next_flag_missing": [f"UPDATE task SET raised = NULL WHERE id = ({TASK})"],
    "order_state": ["UPDATE orders SET state = 'cancelled'"],
    "delivery_state": ["UPDATE delivery SET state = 'returned'"],
}
"""The word that verify has for it -> what a hand can do."""


async def filled(place: House) -> None:
    """An order that was paid, told to partners, shipped; and a message of an order nobody has."""
    instance = place.site.instance
    work = bench(place.bench.config(), place.bench.clock)

    async def put(tx: AsyncConnection) -> Any:
        return await placing.place(tx, work, [placement("1001", **PAID)], By("api"))

    await instance.store.at_once(put)
    while await tend.look(instance.chain):
        await place.done()
    async with calling(place) as courier:
        for n, number in ((1, "1001"), (1, "1001"), (2, "nobody-has-it")):
            assert (await courier.post("pushed", said(n, order=number))).status_code == 200
    await place.tended()


async def test_what_was_received_and_told_adds_up_and_each_damage_is_found(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setattr(verifying, "SETTLES", 0.0)
    async with opened(tmp_path, store_url, ETC) as place:
        await filled(place)
        found = await place.site.asked.get("/api/v1/verify")
        assert found["differences"] == []
        said_, told = found["messages"], found["tasks"]
        assert said_["received"] == 2
        assert (said_["applied"], said_["parked"], said_["waiting"]) == (1, 1, 0)
        assert told["received"] == told["done"] == 2
        for code, damage in DAMAGES.items():
            codes = await damaged(place, damage)
            assert code in codes, (code, codes)
            assert codes[code]["hint"]


async def damaged(place: House, damage: list[str]) -> dict[str, dict[str, Any]]:
    """What verify says inside a transaction that is taken back."""
    store = place.site.instance.store
    async with store.writing() as tx, tx.begin_nested() as point:
        for statement in damage:
            assert (await tx.execute(text(statement))).rowcount, statement
        found = await checking.differences(tx, place.site.instance.config)
        await point.rollback()
    return {one.code: one.told() for one in found}


async def test_what_lies_in_the_spool_is_received_and_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    url = f"sqlite:///{tmp_path}/var/impexd.db"
    async with opened(tmp_path, url, ETC) as place:
        fresh = intake.Fresh("pushed", "m1", "d1", "{}", "2026-06-01T10:00:00.000Z", "webhook")
        await intake.take(place.bench, [[fresh]])
        found = await place.site.asked.get("/api/v1/verify")
        assert (found["messages"]["received"], found["messages"]["waiting"]) == (1, 1)
