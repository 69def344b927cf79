"""Exports of changes: each change in at least one file, in order, whatever is imported meanwhile."""

import json
from pathlib import Path
from typing import Any

import anyio

from impexd.store import runs
from tests.exports import things
from tests.exports.house import House

MODE = '[[column]]\nfrom = "_mode"\nto = "act"\n'
SINCE = 'changed_since = "last"\ntombstones = true\n'
LOAD = """entity = "thing"
mode_column = "act"
[file]
match = 'things.*'
format = "jsonl"
""" + "".join(f'[[column]]\nfrom = "{name}"\nto = "{name}"\n' for name in ("code", "count"))


async def prepared(house: House, query: str = SINCE) -> None:
    """Have group `csv` export changes as JSON Lines, and group `back` load things with a mode."""
    folder = house.etc / "descriptors"
    (folder / "csv-out.toml").write_text(things.descriptor("jsonl", query=query) + MODE)
    (folder / "none.toml").write_text(LOAD)
    await house.inside.asked.post("/api/v1/reload")


async def load(house: House, n: int, *lines: dict[str, Any]) -> dict[str, Any]:
    """Import some things."""
    data = "".join(json.dumps({"act": "", **line}) + "\n" for line in lines)
    run = await house.inside.load(f"things-{n}.jsonl", data.encode(), group="back")
    assert run["state"] == "archived", run
    return run


async def changes(house: House) -> list[tuple[str, str, int | None]]:
    """Export what has changed."""
    lines = (await house.file("csv")).decode().splitlines()
    return [(one["act"], one["code"], one["count"]) for one in map(json.loads, lines)]


async def test_each_file_has_what_changed_since_the_last_one(house: House) -> None:
    await prepared(house)
    await load(house, 1, {"code": "a", "count": 1}, {"code": "b", "count": 2})
    assert await changes(house) == [("merge", "a", 1), ("merge", "b", 2)]
    assert await changes(house) == []
    await load(house, 2, {"code": "b", "count": 3}, {"act": "delete", "code": "a", "count": 0})
    assert await changes(house) == [("merge", "b", 3), ("delete", "a", None)]
    assert await changes(house) == []
    await load(house, 3, {"code": "a", "count": 9})
    assert await changes(house) == [("merge", "a", 9)]


async def test_what_does_not_fit_the_filter_any_more_is_told_of_as_gone(house: House) -> None:
    await prepared(house, SINCE + 'filter = [{ field = "count", op = ">", value = 5 }]\n')
    await load(house, 1, {"code": "a", "count": 9}, {"code": "b", "count": 1})
    assert await changes(house) == [("merge", "a", 9)]
    await load(house, 2, {"code": "a", "count": 1}, {"code": "b", "count": 7})
    assert await changes(house) == [("merge", "b", 7), ("delete", "a", None)]


async def test_a_day_asks_for_what_runs_since_then_have_changed(house: House) -> None:
    await prepared(house, 'changed_since = "2000-01-01"\ntombstones = true\n')
    await load(house, 1, {"code": "a", "count": 1}, {"code": "b", "count": 1})
    await load(house, 2, {"code": "b", "act": "delete"})
    for _ in range(2):
        assert await changes(house) == [("merge", "a", 1), ("delete", "b", None)]
    await prepared(house, 'changed_since = "2999-01-01"\ntombstones = true\n')
    assert await changes(house) == []


async def test_a_full_export_has_everything_and_the_next_one_goes_on_from_it(house: House) -> None:
    await prepared(house)
    await load(house, 1, {"code": "a", "count": 1}, {"code": "b", "count": 2})
    assert len(await changes(house)) == 2
    await load(house, 2, {"code": "b", "act": "delete"}, {"code": "c", "count": 3})
    run = await house.export("csv", full=True)
    lines = Path(run["export"]["path"]).read_text().splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["a", "c"]
    assert await changes(house) == []
    await load(house, 3, {"code": "a", "count": 9})
    assert await changes(house) == [("merge", "a", 9)]


async def test_a_failed_export_does_not_move_the_mark(house: House) -> None:
    await prepared(house)
    await load(house, 1, {"code": "a", "count": 1})
    good = (house.etc / "descriptors" / "csv-out.toml").read_text()
    bad = '[query]\nentity = "thing"\n' + SINCE
    bad += '[file]\nformat = "template"\ntemplate = "{{ nothing }}"\n' + MODE
    (house.etc / "descriptors" / "csv-out.toml").write_text(bad)
    await house.inside.asked.post("/api/v1/reload")
    assert (await house.export("csv"))["state"] == "failed"
    (house.etc / "descriptors" / "csv-out.toml").write_text(good)
    await house.inside.asked.post("/api/v1/reload")
    assert await changes(house) == [("merge", "a", 1)]


async def test_fifty_deltas_under_concurrent_imports_make_the_final_table(house: House) -> None:
    await prepared(house)
    seen: dict[str, int] = {}
    over = False

    async def importing() -> None:
        nonlocal over
        for n in range(25):
            lines = [{"code": f"c{m}", "count": n} for m in range(n % 3, 60, 1 + n % 4)]
            lines += [{"act": "delete", "code": f"c{m}"} for m in range(60, 70) if n % 5 == 4]
            lines += [{"code": f"c{m}", "count": n} for m in range(60, 70) if n % 5 == 1]
            known = {line["code"]: line for line in lines}
            await load(house, n, *(line for line in known.values() if exists(line, n)))
        over = True

    def exists(line: dict[str, Any], n: int) -> bool:
        return line.get("act") != "delete" or n >= 4

    def told(found: list[tuple[str, str, int | None]]) -> None:
        for act, code, count in found:
            if act == "delete":
                seen.pop(code, None)
            else:
                assert count is not None
                assert seen.get(code, -1) <= count, "an older change came later"
                seen[code] = count

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(importing)
        files = 0
        while not over or files < 50:
            told(await changes(house))
            files += 1
    told(await changes(house))
    rows = await house.inside.query("SELECT code, count FROM thing")
    assert seen == dict(rows)


async def test_change_numbers_become_visible_in_their_order(house: House) -> None:
    """A watermark read while somebody else applies never passes what is not committed yet."""
    store = house.instance.store
    order: list[str] = []
    begun = anyio.Event()

    async def slow() -> None:
        async with store.writing() as tx:
            await runs.advance(tx, "change")
            begun.set()
            await anyio.sleep(0.2)
            order.append("slow")

    async def quick() -> None:
        await begun.wait()
        async with store.writing() as tx:
            await runs.advance(tx, "change")
            order.append("quick")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        tasks.start_soon(quick)
    assert order == ["slow", "quick"]


async def test_records_go_inside_the_record_they_point_at(house: House, tmp_path: Path) -> None:
    part = '[entity.piece]\nkey = ["thing", "n"]\nfield = { thing = { ref = "thing" }, '
    part += 'n = { type = "integer" }, note = { null = true } }\n'
    (house.etc / "entities" / "piece.toml").write_text(part)
    nested = (
        '[[nested]]\nentity = "piece"\nto = "{to}"\n[[nested.column]]\nfrom = "n"\nto = "{n}"\n'
    )
    nested += '[[nested.column]]\nfrom = "note"\nto = "note"\n'
    code = '[[column]]\nfrom = "code"\nto = "code"\n'
    folder = house.etc / "descriptors"
    xml = '[query]\nentity = "thing"\n[file]\nformat = "xml"\nroot = "things"\nrow = "thing"\n'
    jsonl = '[query]\nentity = "thing"\n[file]\nformat = "jsonl"\n'
    (folder / "xml-out.toml").write_text(xml + code + nested.format(to="parts/part", n="@n"))
    (folder / "jsonl-out.toml").write_text(jsonl + code + nested.format(to="parts", n="n"))
    await house.inside.asked.post("/api/v1/reload")
    await house.put({"code": "a"}, {"code": "b"}, {"code": "c"})
    kind = house.instance.config.catalogue["piece"]
    await things.put(
        house.instance.store,
        kind,
        [
            {"thing": "a", "n": 2, "note": "x"},
            {"thing": "a", "n": 10},
            {"thing": "c", "n": 1},
            {"thing": "aa", "n": 1, "note": "points nowhere"},
        ],
    )
    assert [json.loads(line) for line in (await house.file("jsonl")).splitlines()] == [
        {"code": "a", "parts": [{"n": 2, "note": "x"}, {"n": 10, "note": None}]},
        {"code": "b", "parts": []},
        {"code": "c", "parts": [{"n": 1, "note": None}]},
    ]
    assert (await house.file("xml")).decode().splitlines()[2:-1] == [
        '<thing><code>a</code><parts><part n="2"><note>x</note></part><part n="10"></part></parts></thing>',
        "<thing><code>b</code></thing>",
        '<thing><code>c</code><parts><part n="1"></part></parts></thing>',
    ]
