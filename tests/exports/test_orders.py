"""Orders go out with their lines, and their deliveries with lines of their own."""

import json
from decimal import Decimal
from typing import Any

from lxml import etree
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.tables import orders as tables
from tests.exports.house import House

AT = "2026-01-31T08:00:00.000Z"


def columns(below: str, **cells: str) -> str:
    return "".join(
        f"[[{below}column]]\nfrom = {json.dumps(source)}\nto = {json.dumps(to)}\n"
        for source, to in cells.items()
    )


def descriptor(file: str, *, at: str = "", lists: tuple[str, str, str]) -> str:
    lines, deliveries, inner = lists
    mail = "[[column]]\nfrom = 'customer@email'\nto = 'mail'\n"
    city = "[[column]]\nfrom = 'shipping@line1'\nto = 'street'\n"
    return (
        '[query]\nentity = "orders"\nfilter = [{ field = "state", op = "!=", value = "cancelled" }]\n'
        f"[file]\n{file}"
        + columns("", number=f"{at}number", state="state", total="total")
        + mail
        + city
        + f'[[nested]]\nentity = "order_line"\nto = "{lines}"\n'
        + columns("nested.", ref=f"{at}ref", sku="sku", quantity="quantity")
        + f'[[nested]]\nentity = "delivery"\nto = "{deliveries}"\n'
        + columns("nested.", number=f"{at}number", state="state", tracking="tracking")
        + f'[[nested.nested]]\nentity = "delivery_line"\nto = "{inner}"\n'
        + columns("nested.nested.", ref=f"{at}ref", ordered="ordered", shipped="shipped")
    )


async def made(tx: AsyncConnection, table: Any, **values: Any) -> int:
    row = insert(table).values(values).returning(table.c.id)
    return int((await tx.execute(row)).scalar_one())


async def order(tx: AsyncConnection, number: str, state: str = "in_progress") -> int:
    return await made(
        tx,
        tables.orders,
        number=number,
        state=state,
        total="59.90",
        customer={"email": "ada@example.org"},
        shipping={"line1": "Hauptstraße 1"},
        digest="0" * 64,
        source="api",
        placed=AT,
        created=AT,
        changed=AT,
    )


async def line(tx: AsyncConnection, of: int, ref: str, quantity: str) -> int:
    return await made(tx, tables.order_line, order_id=of, ref=ref, sku=f"S{ref}", quantity=quantity)


async def delivery(tx: AsyncConnection, of: int, number: str, **more: str) -> int:
    values = {"order_id": of, "number": number, "kind": "standard", "state": "released"} | more
    return await made(tx, tables.delivery, **values)


async def part(tx: AsyncConnection, of: int, line: int, ref: str, ordered: str) -> None:
    values = {"delivery_id": of, "line_id": line, "ref": ref, "sku": f"S{ref}", "ordered": ordered}
    await made(tx, tables.delivery_line, **values)


async def filled(house: House) -> None:
    """Two orders whose deliveries were made turn by turn, one without any, one that is cancelled."""
    async with house.instance.store.writing() as tx:
        first, second = await order(tx, "A1"), await order(tx, "A2")
        await order(tx, "A3", "pending")
        await order(tx, "A4", "cancelled")
        lines = [await line(tx, first, "1", "3"), await line(tx, second, "1", "1")]
        lines.append(await line(tx, first, "2", "0.5"))
        late = await delivery(tx, second, "A2/1")
        one = await delivery(tx, first, "A1/1", tracking="JJD1")
        two = await delivery(tx, first, "A1/2")
        await part(tx, two, lines[2], "2", "0.5")
        await part(tx, late, lines[1], "1", "1")
        await part(tx, one, lines[0], "1", "3")


async def say(house: House, format: str, text: str) -> None:
    (house.etc / "descriptors" / f"{format}-out.toml").write_text(text)
    await house.inside.asked.post("/api/v1/reload")


async def test_orders_hold_lines_and_deliveries_with_theirs_in_json_and_xml(house: House) -> None:
    await filled(house)
    await say(
        house, "jsonl", descriptor('format = "jsonl"\n', lists=("lines", "deliveries", "lines"))
    )
    found = [json.loads(text) for text in (await house.file("jsonl")).splitlines()]
    about = {"state": "in_progress", "total": "59.90", "mail": "ada@example.org"}
    about["street"] = "Hauptstraße 1"
    assert found[0] == about | {
        "number": "A1",
        "lines": [
            {"ref": "1", "sku": "S1", "quantity": "3"},
            {"ref": "2", "sku": "S2", "quantity": "0.5"},
        ],
        "deliveries": [
            {
                "number": "A1/1",
                "state": "released",
                "tracking": "JJD1",
                "lines": [{"ref": "1", "ordered": "3", "shipped": "0"}],
            },
            {
                "number": "A1/2",
                "state": "released",
                "tracking": None,
                "lines": [{"ref": "2", "ordered": "0.5", "shipped": "0"}],
            },
        ],
    }
    assert found[1]["deliveries"][0]["lines"] == [{"ref": "1", "ordered": "1", "shipped": "0"}]
    assert [(one["number"], one["deliveries"]) for one in found[2:]] == [("A3", [])]
    said = 'format = "xml"\nroot = "orders"\nrow = "order"\n'
    lists = ("lines/line", "deliveries/delivery", "lines/line")
    await say(house, "xml", descriptor(said, at="@", lists=lists))
    tree = etree.fromstring(await house.file("xml"))
    assert tree.xpath("order/@number") == ["A1", "A2", "A3"]
    ordered = tree.xpath("order[@number='A1']/deliveries/delivery/lines/line/ordered/text()")
    assert sum(map(Decimal, ordered)) == Decimal("3.5")


async def test_a_template_sees_what_is_inside(house: House) -> None:
    await filled(house)
    text = descriptor(
        'format = "template"\ntemplate = """{% for o in rows %}{{ o.number }}:'
        "{% for d in o.deliveries %}{{ d.number }}({% for l in d.lines %}{{ l.ref }}{% endfor %})"
        '{% endfor %};{% endfor %}"""\n',
        lists=("lines", "deliveries", "lines"),
    )
    await say(house, "csv", text)
    assert await house.file("csv") == b"A1:A1/1(1)A1/2(2);A2:A2/1(1);A3:;"
