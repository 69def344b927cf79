"""Orders that come by file: placed once, whole or not at all, on both engines."""

import json
from pathlib import Path
from typing import Any

from tests.etc import mistakes
from tests.flows import inside
from tests.flows.inside import Inside

ETC = Path(__file__).parents[2] / "etc"
HEAD = (
    "order;line;shop;date;currency;total;payment;email;name;street;postcode;city;country;"
    "sku;quantity;price;warehouse\n"
)


def etc(**orders: object) -> dict[str, str]:
    """The sample configuration, as far as orders need it."""
    names = (
        "entities/orders.toml", "entities/commerce.toml", "descriptors/orders.toml",
        "descriptors/orders-xml.toml", "descriptors/orders-json.toml", "descriptors/orders-jsonl.toml",
        "groups/orders.toml", "groups/orders-xml.toml", "groups/orders-json.toml", "groups/orders-jsonl.toml",
    )  # fmt: skip
    found = {name: (ETC / name).read_text() for name in names}
    settings = "".join(f'{name} = "{value}"\n' for name, value in orders.items())
    return found | {"impexd.toml": f"[orders]\n{settings}"}


def row(number: str, line: int, sku: str, quantity: str, *, payment: str = "card") -> str:
    return (
        f"{number};{line};SHOP10;2026-01-30T10:00:00Z;EUR;20.00;{payment};a@b.example;Ada;"
        f"Street 1;12345;Town;DE;{sku};{quantity};10;W1\n"
    )


async def drop(house: Inside, name: str, text: str, group: str = "orders") -> dict[str, object]:
    found = await house.load(name, text.encode(), group=group)
    await house.instance.look_at_orders()
    return found


async def standing(house: Inside) -> dict[str, str]:
    found = await house.asked.get("/api/v1/orders")
    return {one["number"]: one["state"] for one in found["orders"]}


async def test_orders_of_a_file_are_placed_once_and_a_repeat_changes_nothing(
    tmp_path: Path, store_url: str
) -> None:
    text = HEAD + row("1001", 1, "A1", "2") + row("1001", 2, "B1", "1") + row("1002", 1, "A1", "1", payment="transfer")  # fmt: skip
    async with inside.opened(tmp_path, store_url, etc()) as house:
        first = await drop(house, "orders.csv", text)
        assert first["counts"]["order_row"]["inserted"] == 3  # type: ignore[index]
        assert await standing(house) == {"1001": "in_progress", "1002": "awaiting_payment"}
        again = await drop(house, "orders-2.csv", text + "\n")
        assert again["counts"]["order_row"]["unchanged"] == 3  # type: ignore[index]
        one = await house.asked.get("/api/v1/orders/1001")
        assert [line["sku"] for line in one["lines"]] == ["A1", "B1"]
        assert (one["shipping"]["city"], one["customer_key"]) == ("Town", "a@b.example")
        assert one["source"] == f"run:{first['id']}"
        assert len(one["audit"]) == 4


async def test_an_order_with_a_bad_line_is_rejected_whole_and_the_others_are_placed(
    tmp_path: Path, store_url: str
) -> None:
    text = HEAD + row("1001", 1, "A1", "2") + row("1002", 1, "A1", "1") + row("1001", 2, "B1", "x")
    async with inside.opened(tmp_path, store_url, etc()) as house:
        found = await drop(house, "orders.csv", text)
        assert found["counts"]["order_row"]["rejected"] == 2  # type: ignore[index]
        assert await standing(house) == {"1002": "in_progress"}
        shown = await house.asked.get(f"/api/v1/runs/{found['id']}")
        codes = {(one["line"], one["code"]) for one in shown["listed"]}
        assert codes == {(2, "order_rejected"), (4, "bad_value")}


async def test_a_changed_order_is_refused_or_amended_by_policy(
    tmp_path: Path, store_url: str
) -> None:
    text = HEAD + row("1001", 1, "A1", "2", payment="later") + row("1001", 2, "B1", "1", payment="later")  # fmt: skip
    other = HEAD + row("1001", 1, "A1", "5", payment="later")
    async with inside.opened(tmp_path, store_url, etc()) as house:
        await drop(house, "orders.csv", text)
        await drop(house, "orders-2.csv", other)
        assert await house.query("SELECT state, reason FROM order_input ORDER BY id") == [
            ("placed", None),
            ("refused", "there is an order of this number already, with other content"),
        ]
        assert len((await house.asked.get("/api/v1/orders/1001"))["lines"]) == 2


async def test_orders_that_are_refused_are_told_with_the_run_also_when_they_come_again(
    tmp_path: Path, store_url: str
) -> None:
    text = HEAD + row("1001", 1, "A1", "2") + row("1002", 1, "A1", "1")
    other = HEAD + row("1001", 1, "A1", "5") + row("1003", 1, "A1", "1")
    why = "there is an order of this number already, with other content"
    async with inside.opened(tmp_path, store_url, etc()) as house:
        told = []
        for name, said in (("a.csv", text), ("b.csv", other), ("c.csv", other + "\n")):
            run = (await drop(house, f"orders-{name}", said))["id"]
            told.append((await house.asked.get(f"/api/v1/runs/{run}"))["orders"])
        id = (await house.asked.get("/api/v1/orders/1001"))["id"]
        refused = {"number": "1001", "state": "refused", "reason": why, "order_id": id}
        assert [one["counts"] for one in told] == [
            {"placed": 2},
            {"placed": 1, "refused": 1},
            {"refused": 1},
        ]
        assert [refused in one["listed"] for one in told] == [False, True, True]
        listed = await house.asked.get("/api/v1/refused-orders")
        (one,) = listed["refused"]
        assert (one["number"], one["reason"]) == ("1001", why)
        assert "amend" in listed["hint"]
        # What is refused can be taken back: the order as it was placed is nothing new.
        last = await drop(house, "orders-d.csv", text)
        assert last["counts"]["order_row"]["updated"] == 1  # type: ignore[index]
        told = (await house.asked.get(f"/api/v1/runs/{last['id']}"))["orders"]
        assert told["counts"] == {"unchanged": 1}
        assert (await house.asked.get("/api/v1/refused-orders"))["refused"] == []
        last = await drop(house, "orders-e.csv", text + "\n")
        told = (await house.asked.get(f"/api/v1/runs/{last['id']}"))["orders"]
        assert told["counts"] == {}


def test_orders_in_chunks_are_refused_by_the_configuration(tmp_path: Path) -> None:
    files = etc()
    group = files["groups/orders.toml"]
    lines = [*(line for line in group.splitlines() if not line.startswith("atomic")), ""]
    at = next(n for n, line in enumerate(lines) if line.startswith("descriptors"))
    lines.insert(at, 'atomic = "chunk"')
    for name, said in (files | {"groups/orders.toml": "\n".join(lines)}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(said)
    (found,) = mistakes(tmp_path)
    assert f"groups/orders.toml:{at + 1}: atomic: `orders` brings orders" in found


async def test_an_unpaid_order_may_be_amended(tmp_path: Path, store_url: str) -> None:
    terms = etc(changed="amend", stock="stock", warehouse="W1")
    text = HEAD + row("1001", 1, "A1", "2", payment="later") + row("1001", 2, "B1", "1", payment="later")  # fmt: skip
    other = HEAD + row("1001", 1, "A1", "5", payment="later")
    async with inside.opened(tmp_path, store_url, terms) as house:
        await drop(house, "orders.csv", text)
        await drop(house, "orders-2.csv", other)
        one = await house.asked.get("/api/v1/orders/1001")
        assert [(line["sku"], line["quantity"]) for line in one["lines"]] == [("A1", "5")]
        assert [line["event"] for line in one["audit"] if not line["delivery"]] == ["placed", "amended"]  # fmt: skip


async def test_orders_come_as_nested_xml(tmp_path: Path, sqlite_url: str) -> None:
    text = (
        '<orders><order number="7" shop="S" currency="EUR" total="3" payment="confirmed"'
        ' date="2026-01-30T10:00:00Z" email="a@b.example"><lines>'
        '<line ref="1" sku="A1" quantity="2" warehouse="W1" price="1"/>'
        '<line ref="2" sku="B1" quantity="1" warehouse="W2" price="1"/></lines></order></orders>'
    )
    async with inside.opened(tmp_path, sqlite_url, etc()) as house:
        await drop(house, "orders.xml", text, "orders-xml")
        one = await house.asked.get("/api/v1/orders/7")
        assert [part["warehouse"] for part in one["deliveries"]] == ["W1", "W2"]
        assert one["state"] == "in_progress"


def nested(number: str, *lines: Any, **more: Any) -> dict[str, Any]:
    head = {"number": number, "date": "2026-01-30T10:00:00Z", "currency": "EUR", "total": 20.50}
    who = {"customer": {"email": "a@b.example"}, "shipping": {"city": "Town", "country": "DE"}}
    return head | who | {"payment": {"state": "confirmed"}, "lines": list(lines)} | more


async def test_orders_come_as_nested_json_and_half_an_order_is_none(
    tmp_path: Path, store_url: str
) -> None:
    one, two = ({"ref": str(n), "sku": f"A{n}", "quantity": n, "warehouse": f"W{n}"} for n in (1, 2))  # fmt: skip
    bad = nested("10", one, two | {"quantity": "x"})
    text = json.dumps({"made": "today", "orders": [nested("7", one, two), bad, nested("12", two)]})
    async with inside.opened(tmp_path, store_url, etc()) as house:
        run = await drop(house, "orders.json", text, "orders-json")
        assert await standing(house) == {"7": "in_progress", "12": "in_progress"}
        found = await house.asked.get("/api/v1/orders/7")
        assert [part["warehouse"] for part in found["deliveries"]] == ["W1", "W2"]
        assert (found["total"], found["shipping"]["city"]) == ("20.5", "Town")
        listed = (await house.asked.get(f"/api/v1/runs/{run['id']}"))["listed"]
        codes = {(one["line"], one["code"]) for one in listed}
        assert codes >= {(3, "order_rejected"), (4, "bad_value")}
        text = json.dumps({"orders": [nested("7", two, one)]})
        again = await drop(house, "orders-2.json", text, "orders-json")
        assert again["counts"]["order_row"]["unchanged"] == 2  # type: ignore[index]
        # Of which order the line is nobody can say, so no order of this file is surely whole.
        for broken in (nested("8"), nested("9", one, 5), {"number": "11"}):
            text = json.dumps({"orders": [broken, nested("13", two)]})
            await drop(house, f"orders-{broken['number']}.json", text, "orders-json")
        assert len(await standing(house)) == 2


async def test_orders_come_as_json_lines_split_into_deliveries(
    tmp_path: Path, sqlite_url: str
) -> None:
    line = {"sku": "A1", "quantity": 1}
    parts = [
        {"number": "D1", "warehouse": "W1", "carrier": "DHL", "lines": [line | {"ref": "1"}]},
        {"number": "D2", "warehouse": "W1", "lines": [line | {"ref": "2"}, line | {"ref": "3"}]},
    ]
    text = json.dumps(nested("7", deliveries=parts)) + "\n" + json.dumps(nested("8", deliveries=[{"lines": [line | {"ref": "1"}]}]))  # fmt: skip
    async with inside.opened(tmp_path, sqlite_url, etc()) as house:
        await drop(house, "orders.jsonl", text, "orders-jsonl")
        found = await house.asked.get("/api/v1/orders/7")
        assert [(one["number"], one["carrier"], len(one["lines"])) for one in found["deliveries"]] == [("D1", "DHL", 1), ("D2", None, 2)]  # fmt: skip
        assert await standing(house) == {"7": "in_progress", "8": "in_progress"}


async def test_orders_are_placed_and_moved_over_the_api(tmp_path: Path, sqlite_url: str) -> None:
    given = {"number": "9", "lines": [{"sku": "A1", "quantity": 2}], "payment": {"state": "open"}}
    async with inside.opened(tmp_path, sqlite_url, etc()) as house:
        for outcome in ("placed", "unchanged"):
            done = await house.asked.post("/api/v1/orders", orders=[given])
            assert done["orders"][0]["outcome"] == outcome
        other = {**given, "remarks": "another"}
        done = await house.asked.post("/api/v1/orders", orders=[other])
        assert done["orders"][0]["outcome"] == "refused"
        one = await house.asked.post(
            "/api/v1/orders/9/events", event="payment_confirmed", note="ok"
        )
        assert (one["state"], one["legal"][0]) == ("in_progress", "cancelled")
        drawn = await house.asked.get("/api/v1/orders/9/table", **{"as": "svg"})
        assert drawn["drawn"].startswith("<svg")
