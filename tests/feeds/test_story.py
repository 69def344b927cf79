"""Three couriers, one order: one is asked, one pushes, one drops a file; the order is completed."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.feeds import poll
from impexd.orders import placing
from impexd.orders.bench import bench
from impexd.orders.run import By
from tests.feeds import house, test_folder
from tests.feeds.house import HOOK, MAIN, MAP, SECRET, calling, opened, said
from tests.feeds.test_poll import FEED, playing
from tests.orders.house import PAID, placement
from tests.peer import peer

LINES = [{"sku": name, "quantity": "1", "warehouse": f"W{name}"} for name in "ABC"]


@pytest.mark.parametrize("early", [False, True], ids=["after the order", "before the order"])
async def test_what_all_of_them_say_completes_the_order(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, *, early: bool
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    polled = said(1, order="1001", delivery="1001-1")
    async with peer(playing(lambda _q: [polled, polled])) as there:
        files = test_folder.ETC | house.etc(
            asked=FEED.format(url=there.url), pushed=HOOK.format(scheme="aftership")
        )
        files["impexd.toml"] = MAIN + '[orders]\nstock = "off"\n'
        files["feeds/plain.toml"] = MAP
        async with opened(tmp_path, store_url, files) as place, calling(place) as courier:

            async def ordered() -> None:
                given = placement("1001", lines=LINES, **PAID)
                work = bench(place.bench.config(), place.bench.clock)

                async def put(tx: AsyncConnection) -> Any:
                    return await placing.place(tx, work, [given], By("api"))

                (one,) = await place.bench.store.at_once(put)
                assert one.outcome == "placed", one

            async def spoken() -> None:
                assert (await poll.poll(place.bench, "asked")).fresh == 1
                body = said(2, order=None, delivery="1001-2", status="delivered")
                for _ in range(2):
                    assert (await courier.post("pushed", body)).status_code == 200
                rows = b"1001;1001-3;shipped;C;1;2026-06-01\n"
                run = await place.site.load("courier.csv", test_folder.HEAD + rows, group="courier")
                assert run["state"] == "archived"

            for step in (spoken, ordered) if early else (ordered, spoken):
                await step()
                await place.tended()
            await place.tended()
            (order,) = await place.site.query("SELECT number, state FROM orders")
            deliveries = await place.site.query(
                "SELECT number, state FROM delivery ORDER BY number"
            )
            assert deliveries == [
                ("1001-1", "shipped"),
                ("1001-2", "delivered"),
                ("1001-3", "shipped"),
            ]
            assert order == ("1001", "completed")
            assert {row["state"] for row in await place.messages()} == {"applied"}
            completions = "SELECT count(*) FROM order_flag WHERE flag = 'COMPLETED'"
            assert await place.site.query(completions) == [(1,)]
