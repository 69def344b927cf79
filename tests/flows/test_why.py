"""`impexd why`: each answer provoked for real."""

import os
from pathlib import Path
from typing import Any

import pytest

from impexd.core.errors import UsageError
from impexd.inbox import intake
from tests import shop
from tests.flows.place import Place
from tests.flows.test_daemon import packed

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = {name: text for name, text in shop.ETC.items() if name != "impexd.toml"}
GROUP = 'kind = "import"\ndescriptors = ["brands", "products", "prices"]\n'


def slow(inbox: str) -> dict[str, str | None]:
    """The shop, with other rules for its inbox."""
    return QUICK | {"groups/shop.toml": f"{GROUP}[inbox]\n{inbox}\n"}


async def lain(place: Place, name: str, data: bytes) -> Path:
    """Put a file into the inbox."""
    inbox = place.instance.inlets()[0].path
    inbox.mkdir(parents=True, exist_ok=True)
    for old in inbox.iterdir():
        old.unlink()
    path = inbox / name
    path.write_bytes(data)
    return path


async def why(place: Place, about: object) -> dict[str, Any]:
    found = (await place.asked.get("/api/v1/why", about=str(about)))["reasons"]
    assert len(found) == 1, found
    one: dict[str, Any] = found[0]
    return one


async def look(place: Place) -> None:
    """Make a pass over the inbox."""
    await intake.take(place.instance.desk, place.instance.inlets()[0])


async def test_a_name_that_is_no_drop_of_ours(place: Place) -> None:
    await place.fresh(QUICK)
    assert (await why(place, await lain(place, "a.pdf", b"x")))["code"] == "not_matching"
    assert (await why(place, await lain(place, "a.csv.part", b"x")))["code"] == "temporary"
    assert (await why(place, await lain(place, "a.csv.ready", b"x")))["code"] == "companion"
    await place.say(slow("match = 'b.*'"))
    found = await why(place, await lain(place, "a.csv", b"x"))
    assert found["code"] == "not_matching"
    assert "b.*" in found["what"]


async def test_a_file_in_a_subfolder_is_left_alone_whatever_has_its_name(place: Place) -> None:
    await place.fresh(QUICK)
    data = packed(shop.rows(3))
    assert (await place.bring("a.zip", data))["state"] == "archived"
    path = (await lain(place, "b.zip", b"x")).parent / "deep" / "a.zip"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    found = await why(place, path)
    assert (found["code"], "subfolder" in found["what"]) == ("elsewhere", True)
    path.unlink()
    path.parent.rmdir()


async def test_a_file_that_is_refused(place: Place) -> None:
    await place.fresh(QUICK)
    assert (await why(place, await lain(place, "a.csv", b"")))["code"] == "empty_file"
    path = await lain(place, "a.csv", b"x")
    os.link(path, path.with_name("b.csv"))
    assert (await why(place, path))["code"] == "multiple_links"
    path = await lain(place, "a.csv", b"x")
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert (await why(place, path))["code"] == "not_regular"
    path = await lain(place, "a\nb.csv", b"x")
    assert (await why(place, path))["code"] == "bad_name"


async def test_a_file_that_still_grows_or_is_held_open(place: Place) -> None:
    await place.fresh(slow("settle = 5"))
    path = await lain(place, "brands.csv", b"name\nA\n")
    assert (await why(place, path))["code"] == "growing"
    await look(place)
    place.clock.tick(6)
    with path.open("ab"):
        found = await why(place, path)
        assert found["code"] == "writer"
        assert f"({os.getpid()})" in found["what"]
    assert (await why(place, path))["code"] == "ready"
    assert (await why(place, "brands.csv"))["code"] == "ready"


async def test_a_file_whose_end_or_companion_is_missing(place: Place) -> None:
    await place.fresh(slow("settle = 0\ncompanion = '.ready'"))
    found = await why(place, await lain(place, "brands.csv", b"name\nA\n"))
    assert found["code"] == "companion_missing"
    assert "brands.csv.ready" in found["what"]
    await place.say(slow("settle = 0"))
    found = await why(place, await lain(place, "a.zip", packed(shop.rows(3))[:-30]))
    assert found["code"] == "incomplete"


async def test_a_file_that_was_loaded_before(place: Place) -> None:
    await place.fresh(QUICK)
    data = packed(shop.rows(3))
    run = await place.bring("1.zip", data)
    path = await lain(place, "1.zip", data)
    found = await why(place, path)
    assert (found["code"], found["run"]) == ("duplicate", run["id"])
    path.unlink()
    assert (await place.bring("1.zip", data))["state"] == "duplicate"
    codes = [
        one["code"] for one in (await place.asked.get("/api/v1/why", about="1.zip"))["reasons"]
    ]
    assert codes == ["duplicate", "archived"]
    archived = place.instance.config.var / str(
        (await place.query("SELECT place FROM run WHERE state = 'archived'"))[0][0]
    )
    assert (await why(place, archived))["run"] == run["id"]


async def test_an_inbox_on_a_schedule_and_one_that_is_paused(place: Place) -> None:
    await place.fresh(slow("settle = 0\nschedule = '0 2 * * *'"))
    path = await lain(place, "brands.csv", b"name\nA\n")
    found = await why(place, path)
    assert (found["code"], "02:00" in found["what"]) == ("scheduled", True)
    await place.asked.post("/api/v1/schedule/inbox:shop/pause", actor="anna")
    assert (await why(place, path))["code"] == "paused"
    await place.asked.post("/api/v1/schedule/inbox:shop/resume", actor="anna")


async def test_an_inbox_that_cannot_be_read_and_a_disk_that_is_full(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.fresh(QUICK)
    path = await lain(place, "brands.csv", b"name\nA\n")
    place.instance.told("shop", "inbox of shop: it is gone")
    assert (await why(place, path))["code"] == "degraded"
    place.instance.inboxes.clear()
    full = os.statvfs(place.home)
    fake = type("Disk", (), {"f_bavail": 0, "f_frsize": full.f_frsize})
    monkeypatch.setattr(os, "fstatvfs", lambda _file: fake)
    assert (await why(place, path))["code"] == "reserve"


async def test_runs_that_wait_are_held_or_were_refused(place: Place) -> None:
    await place.fresh(QUICK | {"groups/shop.toml": GROUP + "[guard]\nmin_rows = 50\n"})
    first = await place.hand_in("1.zip", packed(shop.rows(3)))
    second = await place.hand_in("2.zip", packed(shop.rows(4)))
    found = await why(place, "2.zip")
    assert (found["code"], found["run"]) == ("queue", second)
    assert "1 of their" in found["what"] or "1 of" in found["what"]
    async with place.instance.store.writing() as tx:
        from sqlalchemy import text

        await tx.execute(text(f"UPDATE run SET state = 'staging' WHERE id = {first}"))
    found = await why(place, "2.zip")
    assert (found["code"], f"run {first}" in found["what"]) == ("lock", True)
    await place.carry()
    assert (await why(place, "2.zip"))["code"] == "held"
    await place.decide(second, "refuse")
    assert (await why(place, "2.zip"))["code"] == "cancelled"


async def test_what_nobody_knows_of(place: Place) -> None:
    await place.fresh(QUICK)
    with pytest.raises(UsageError, match="nothing is known"):
        await place.asked.get("/api/v1/why", about="never.csv")
    path = place.home / "elsewhere.csv"
    path.write_bytes(b"x")
    assert (await why(place, path))["code"] == "elsewhere"
