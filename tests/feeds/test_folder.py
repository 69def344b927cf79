"""What couriers drop as files goes the way of every import, and becomes messages."""

import json
from pathlib import Path

from tests.feeds import house
from tests.feeds.house import opened

ETC = house.etc(
    files='kind = "folder"\nmap = "lists"\ngroup = "courier"\n',
    lists="""
kind = "map"
[message]
order = "order_number"
delivery = "delivery"
status = "status"
at = "happened"
lines = "[@]"
[line]
sku = "sku"
shipped = "quantity"
[status]
shipped = "ship"
""",
) | {
    "entities/couriers.toml": """
[entity.said]
key = ["id"]
[entity.said.field]
id = {}
order_number = { null = true }
delivery = { null = true }
status = { null = true }
sku = { null = true }
quantity = { type = "decimal", null = true }
happened = { type = "datetime", null = true }
""",
    "descriptors/courier.toml": """
entity = "said"
service = "messages"
[file]
match = 'courier.*\\.csv'
delimiter = ";"
[[column]]
template = "{delivery}/{sku}/{status}"
to = "id"
[[column]]
from = "order"
to = "order_number"
[[column]]
from = "delivery"
to = "delivery"
[[column]]
from = "status"
to = "status"
[[column]]
from = "sku"
to = "sku"
[[column]]
from = "quantity"
to = "quantity"
[[column]]
from = "date"
to = "happened"
""",
    "groups/courier.toml": 'kind = "import"\ndescriptors = ["courier"]\n',
}
HEAD = b"order;delivery;status;sku;quantity;date\n"


async def test_each_row_that_is_new_is_one_message(tmp_path: Path, store_url: str) -> None:
    async with opened(tmp_path, store_url, ETC) as place:
        rows = b"O-1;D-1;shipped;A;1.50;2026-06-01\nO-2;D-2;shipped;B;two;2026-06-01\nO-3;D-3;lost;C;;\n"
        run = await place.site.load("courier-1.csv", HEAD + rows, group="courier")
        assert run["counts"]["said"]["inserted"] == 2
        assert run["counts"]["said"]["rejected"] == 1
        await place.tended()
        kept = await place.messages()
        assert [(m["source"], m["message_id"], m["run"], m["line"]) for m in kept] == [
            ("files", "D-1/A/shipped", run["id"], 2),
            ("files", "D-3/C/lost", run["id"], 4),
        ]
        assert [(m["state"], m["about"], m["said"], m["said_at"]) for m in kept] == [
            ("parked", "O-1", "ship", "2026-06-01T00:00:00.000Z"),
            ("parked", "O-3", "unknown", None),
        ]
        body = json.loads(kept[0]["body"])
        assert (body["quantity"], body["sku"], body["delivery"]) == ("1.5", "A", "D-1")


async def test_a_row_that_comes_again_is_the_same_message_and_a_changed_one_a_conflict(
    tmp_path: Path, store_url: str
) -> None:
    async with opened(tmp_path, store_url, ETC) as place:
        first = b"O-1;D-1;shipped;A;1;2026-06-01\n"
        for name, rows in (
            ("courier-1.csv", first),
            ("courier-2.csv", first + b"O-2;D-2;shipped;A;1;\n"),
            ("courier-3.csv", first.replace(b";1;", b";9;")),
            ("courier-4.csv", first.replace(b";1;", b";9;") + b"\n"),
        ):
            run = await place.site.load(name, HEAD + rows, group="courier")
            assert run["state"] == "archived", run
        kept = await place.messages()
        assert [(m["message_id"], m["state"]) for m in kept] == [
            ("D-1/A/shipped", kept[0]["state"]),
            ("D-2/A/shipped", kept[1]["state"]),
            ("D-1/A/shipped", "conflict"),
        ]
        await place.tended()
        assert [m["state"] for m in await place.messages()] == ["parked", "parked", "conflict"]


async def test_a_dry_run_says_nothing_to_orders(tmp_path: Path, sqlite_url: str) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place:
        await place.site.load(
            "courier.csv", HEAD + b"O-1;D;shipped;A;1;\n", group="courier", dry=True
        )
        assert await place.messages() == []
