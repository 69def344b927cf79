"""Exports from the journal to the outbox, on both engines."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import anyio
import pytest

from impexd.core.errors import UsageError
from impexd.exports import outbox
from impexd.exports import run as exporting
from impexd.store import exporting as journal
from tests.exports import things
from tests.exports.house import House

ONE, TWO = {"code": "a", "count": 1}, {"code": "b", "count": 2}


async def test_a_file_lies_complete_in_its_outbox_with_its_companions(house: House) -> None:
    await house.say(
        groups__csv=things.group(
            "csv-out", more='file = "{group}-{seq}.csv"\ncompanions = [".sha256", ".ready"]\n'
        )
    )
    await house.put(ONE, TWO)
    run = await house.export("csv")
    path = Path(run["export"]["path"])
    assert (run["state"], run["kind"], run["counts"]) == (
        "published",
        "export",
        {"csv-out": {"exported": 2}},
    )
    assert house.outbox("csv") == ["csv-1.csv", "csv-1.csv.ready", "csv-1.csv.sha256"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run["source"] == {"name": "csv-1.csv", "sha256": digest, "bytes": path.stat().st_size}
    assert path.with_name("csv-1.csv.sha256").read_text() == f"{digest}  csv-1.csv\n"
    listed = (await house.inside.asked.get("/api/v1/outbox/csv"))["files"]
    assert [(one["name"], one["rows"], one["sha256"], one["run"]) for one in listed] == [
        ("csv-1.csv", 2, digest, run["id"])
    ]
    assert (await house.inside.asked.get("/api/v1/outbox"))["files"] == listed


async def test_a_name_that_is_taken_gets_a_number(house: House) -> None:
    first, second = [await house.export("csv", name="same.csv") for _ in range(2)]
    assert Path(first["export"]["path"]).name == "same.csv"
    assert Path(second["export"]["path"]).name == "same-2.csv"


@pytest.mark.parametrize("name", ["../up.csv", ".hidden", "a/b", "a\nb", "x" * 200])
async def test_a_name_that_is_no_name_is_refused(house: House, name: str) -> None:
    with pytest.raises(UsageError):
        await house.export("csv", name=name)
    with pytest.raises(UsageError, match="there is no export group"):
        await house.export("nothing")


async def test_several_descriptors_make_one_zip_of_one_snapshot(house: House) -> None:
    await house.put(ONE, TWO)
    data = await house.file("all")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [f"{name}-out.{name}" for name in things.FILES]
        assert archive.testzip() is None
        assert json.loads(archive.read("json-out.json"))[1]["count"] == 2


async def test_an_occurrence_has_one_run_however_often_it_is_begun(house: House) -> None:
    async def begun(key: str) -> int:
        async with house.instance.store.writing() as tx:
            return await exporting.begin(
                house.instance.exports, tx, "csv", occurrence=key, name=None, actor=None, note=None
            )

    first = await begun("2026-01-31T08:00")
    assert await begun("2026-01-31T08:00") == first
    assert await begun("2026-02-01T08:00") != first


async def test_filters_order_and_columns_do_what_they_say(house: House) -> None:
    query = """order = ["-price"]
filter = [{ field = "count", op = ">=", value = 2 }, { field = "price", op = "<", value = "100" },
  { field = "code", op = "like-prefix", value = "a" }, { field = "name@de", op = "notnull" }]
"""
    columns = """[[column]]
from = "code"
to = "c"
[[column]]
from = "price"
to = "p"
decimal = ","
scale = 2
[[column]]
from = "sold"
to = "s"
true = "ja"
false = "nein"
[[column]]
from = "made"
to = "m"
format = "%d.%m.%Y"
[[column]]
from = "seen"
to = "t"
zone = "Europe/Berlin"
format = "%H:%M"
[[column]]
from = "count"
to = "n"
map = { "2" = "two" }
[[column]]
from = "note"
to = "x"
default = "-"
[[column]]
const = "=1"
to = "k"
"""
    said = f'[query]\nentity = "thing"\n{query}[file]\ndelimiter = "|"\nnewline = "lf"\n{columns}'
    await house.say(descriptors__csv_out_=said)
    (house.etc / "descriptors" / "csv_out_.toml").rename(house.etc / "descriptors" / "csv-out.toml")
    await house.inside.asked.post("/api/v1/reload")
    more = {"sold": 1, "made": "2026-01-31", "seen": "2026-01-31T08:00:00Z", "name": {"de": "x"}}
    await house.put(
        {"code": "a1", "count": 2, "price": "9.5", **more},
        {"code": "a2", "count": 3, "price": "10", **more, "sold": 0},
        {"code": "a3", "count": 1, "price": "10", **more},
        {"code": "a4", "count": 9, "price": "100", **more},
        {"code": "a5", "count": 9, "price": "1"},
        {"code": "b6", "count": 9, "price": "1", **more},
    )
    assert (await house.file("csv")).decode() == (
        "c|p|s|m|t|n|x|k\n"
        "a2|10,00|nein|31.01.2026|09:00|3|-|=1\n"
        "a1|9,50|ja|31.01.2026|09:00|two|-|=1\n"
    )


async def test_a_statement_can_only_read(house: House) -> None:
    await house.put(ONE, TWO)
    path = house.etc / "descriptors" / "csv-out.toml"

    async def made(sql: str) -> tuple[str, str | None, bytes]:
        path.write_text(f'[query]\nsql = "{sql}"\n[file]\nnewline = "lf"\n')
        await house.inside.asked.post("/api/v1/reload")
        run = await house.export("csv")
        place = run["export"]["path"]
        return run["state"], run["code"], Path(place).read_bytes() if place else b""

    good = await made("SELECT code, count + 1 AS more FROM thing ORDER BY code")
    assert good == ("published", None, b"code,more\na,2\nb,3\n")
    assert (await made("SELECT nothing FROM thing"))[:2] == ("failed", "bad_query")
    writes = "WITH x AS (SELECT 1) INSERT INTO thing (code) VALUES ('c')"
    assert (await made(writes))[:2] == ("failed", "bad_query")
    assert len(await house.inside.query("SELECT code FROM thing")) == 2


async def test_a_template_sees_the_records_and_nothing_else(house: House) -> None:
    path = house.etc / "descriptors" / "csv-out.toml"
    columns = '[[column]]\nfrom = "code"\nto = "code"\n'

    async def made(template: str) -> tuple[str, bytes]:
        said = f'[file]\nformat = "template"\nescaping = "xml"\ntemplate = """{template}"""\n'
        path.write_text(f'[query]\nentity = "thing"\n{said}{columns}')
        await house.inside.asked.post("/api/v1/reload")
        run = await house.export("csv")
        place = run["export"]["path"]
        return run["state"], Path(place).read_bytes() if place else b""

    await house.put({"code": "a<b"}, {"code": "c"})
    assert await made("{% for row in rows %}{{ row.code }};{% endfor %}{{ group }}") == (
        "published",
        b"a&lt;b;c;csv",
    )
    assert (await made("{{ ''.__class__.__mro__ }}"))[0] == "failed"
    assert (await made("{{ nothing }}"))[0] == "failed"


async def test_what_a_format_cannot_hold_ends_the_export_and_says_so(house: House) -> None:
    await house.put({"code": "a", "note": "x\x0bz"})
    run = await house.export("xml")
    assert (run["state"], run["code"]) == ("failed", "unwritable")
    assert house.outbox("xml") == []
    (house.etc / "descriptors" / "xml-out.toml").write_text(
        things.descriptor("xml", file='unwritable = "replace"\n')
    )
    await house.inside.asked.post("/api/v1/reload")
    assert b"<note>x?z</note>" in await house.file("xml")


async def test_an_outbox_that_is_away_is_waited_for_and_others_go_on(
    house: House, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    target = f'[target]\npath = "{share}"\n'
    await house.say(groups__csv=things.group("csv-out", more=target))
    started = await house.inside.asked.post("/api/v1/exports", group="csv")
    await house.file("jsonl")
    with anyio.fail_after(30):
        while "is not there" not in str((await waiting(house, started["run"]))["message"]):
            await anyio.sleep(0.01)
    share.mkdir()
    run = await house.inside.settled(started["run"])
    assert (run["state"], run["message"]) == ("published", None)
    assert Path(run["export"]["path"]).parent == share


async def waiting(house: House, run: int) -> dict[str, str]:
    found: dict[str, str] = await house.inside.asked.get(f"/api/v1/runs/{run}")
    return found


async def test_old_files_go_and_what_is_not_ours_stays(house: House) -> None:
    await house.say(groups__csv=things.group("csv-out", more='companions = [".ready"]\n'))
    run = await house.export("csv", name="old.csv")
    folder = Path(run["export"]["path"]).parent
    (folder / "theirs.csv").write_bytes(b"")
    assert await outbox.clear(house.instance.exports) == 0
    async with house.instance.store.writing() as tx:
        found = await journal.old(tx, house.instance.node, "csv", before="9999")
        assert [one.id for one in found] == [run["id"]]
        from sqlalchemy import text

        await tx.execute(text("UPDATE run SET finished = '2020-01-01T00:00:00.000Z'"))
    assert await outbox.clear(house.instance.exports) == 1
    assert house.outbox("csv") == ["theirs.csv"]
    assert await outbox.listed(house.instance.exports, "csv") == []
