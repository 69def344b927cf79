"""What couriers push: confirmed when it is durable, kept once, and refused without a word too many."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from impexd.feeds import hooks, intake
from impexd.store.engine import Store
from tests.clock import FakeClock
from tests.feeds import house
from tests.feeds.house import HOOK, SECRET, aftership, calling, opened, said

ETC = house.etc(shop=HOOK.format(scheme="aftership"))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


async def test_a_message_is_kept_once_however_often_it_comes(
    tmp_path: Path, store_url: str
) -> None:
    async with opened(tmp_path, store_url, ETC) as place, calling(place) as courier:
        for _ in range(3):
            assert (await courier.post("shop", said())).status_code == 200
        await intake.carry_over(place.bench)
        assert (await courier.post("shop", said())).status_code == 200
        await place.settled()
        (kept,) = await place.messages()
        assert (kept["source"], kept["message_id"], kept["via"]) == ("shop", "evt-1", "webhook")
        assert json.loads(kept["body"]) == said()


async def test_another_body_under_an_id_is_refused_and_kept_beside_it(
    tmp_path: Path, store_url: str
) -> None:
    async with opened(tmp_path, store_url, ETC) as place, calling(place) as courier:
        assert (await courier.post("shop", said())).status_code == 200
        assert (await courier.post("shop", said(status="lost"))).status_code == 409
        await place.settled()
        assert (await courier.post("shop", said(status="delivered"))).status_code == 409
        assert (await courier.post("shop", said(status="delivered"))).status_code == 409
        await place.settled()
        assert [row["state"] for row in await place.messages()] == [
            "parked",
            "conflict",
            "conflict",
        ]


async def test_a_feed_without_ids_makes_them_of_what_is_said(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        first = {key: value for key, value in said().items() if key != "id"}
        for body in (first, first | {"weight": 2}, first | {"status": "delivered"}):
            await courier.post("shop", body)
        await place.settled()
        kept = await place.messages()
        assert [row["state"] for row in kept] == ["parked", "parked"]
        assert all(row["message_id"].startswith("sha256:") for row in kept)


REFUSED: dict[str, tuple[dict[str, str], bytes, int]] = {
    "no signature": ({"content-type": "application/json"}, b"{}", 401),
    "another's": (aftership(b"{}", "x"), b"{}", 401),
    "no JSON by its own account": (aftership(b"{}") | {"content-type": "text/plain"}, b"{}", 415),
    "packed": (aftership(b"{}") | {"content-encoding": "gzip"}, b"{}", 415),
    "two lengths": (
        aftership(b"{}") | {"transfer-encoding": "chunked", "content-length": "2"},
        b"{}",
        400,
    ),
    "too large": (aftership(b" " * (1 << 20) + b"{}"), b" " * (1 << 20) + b"{}", 413),
    "no JSON": (aftership(b"{"), b"{", 400),
    "a list": (aftership(b"[[1]]"), b"[[1]]", 400),
    "NaN": (aftership(b'{"a": NaN}'), b'{"a": NaN}', 400),
    "a key twice": (aftership(b'{"id": "1", "id": "2"}'), b'{"id": "1", "id": "2"}', 400),
    "a NUL": (aftership(b'{"id": "\\u0000"}'), b'{"id": "\\u0000"}', 400),
    "half a character": (aftership(b'{"id": "\\ud800"}'), b'{"id": "\\ud800"}', 400),
    "no UTF-8": (aftership(b'{"id": "\xff"}'), b'{"id": "\xff"}', 400),
    "too deep": (
        aftership(b'{"a":' * 99 + b"1" + b"}" * 99),
        b'{"a":' * 99 + b"1" + b"}" * 99,
        400,
    ),
    "too long a number": (
        aftership(b'{"a": ' + b"9" * 5000 + b"}"),
        b'{"a": ' + b"9" * 5000 + b"}",
        400,
    ),
}


async def test_what_is_not_as_it_should_be_is_refused_and_leaves_nothing(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        for name, (headers, body, status) in REFUSED.items():
            got = await courier.post("shop", body, headers)
            assert (got.status_code, got.content) == (status, b""), name
        assert (await courier.http.get("/hooks/shop")).status_code == 405
        assert (await courier.http.post("/admin")).status_code == 404
        await place.settled()
        assert await place.messages() == []


async def test_the_answer_does_not_tell_whether_a_feed_is_there(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ETC | {"feeds/timed.toml": HOOK.format(scheme="shippo")}
    async with opened(tmp_path, sqlite_url, files) as place, calling(place) as courier:
        body = json.dumps(said()).encode()
        old = {"content-type": "application/json", "shippo-auth-signature": "t=1,v1=" + "0" * 64}
        answers = [
            await courier.post("shop", body, aftership(body, "wrong")),
            await courier.post("nobody", body),
            await courier.post("timed", body, old),
        ]
        told = {(one.status_code, one.content, str(sorted(one.headers.items()))) for one in answers}
        assert len(told) == 1
        assert answers[0].status_code == 401


async def test_an_address_that_sends_too_much_is_put_off_and_others_are_not(
    clock: FakeClock,
) -> None:
    rates = hooks.Rates()
    taken = [rates.allows("shop", "1.2.3.4", 10, clock.monotonic()) for _ in range(25)]
    assert taken == [True] * 20 + [False] * 5
    assert rates.allows("shop", "1.2.3.5", 10, clock.monotonic())
    assert rates.allows("other", "1.2.3.4", 10, clock.monotonic())
    clock.tick(0.5)
    taken = [rates.allows("shop", "1.2.3.4", 10, clock.monotonic()) for _ in range(6)]
    assert taken == [True] * 5 + [False]


async def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "BODY_TIME", 0.1)

    async def slow() -> Any:
        yield b"{"
        await anyio.sleep_forever()

    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        with anyio.fail_after(5):
            got = await courier.http.post("/hooks/shop", content=slow(), headers=aftership(b"{"))
        assert got.status_code == 408


async def test_a_body_that_does_not_end_is_read_no_further_than_it_may_be_large(
    tmp_path: Path, sqlite_url: str
) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 1 << 30:
            sent += 1 << 16
            yield b" " * (1 << 16)

    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        got = await courier.http.post("/hooks/shop", content=endless(), headers=aftership(b""))
        assert got.status_code == 413
        assert sent < 4 << 20


async def test_what_is_confirmed_is_durable_though_the_store_is_busy(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        async with place.bench.store.writing():  # an import that is being applied
            with anyio.fail_after(5):
                answers: list[int] = []

                async def post(n: int) -> None:
                    answers.append((await courier.post("shop", said(n))).status_code)

                async with anyio.create_task_group() as tasks:
                    for n in range(300):
                        tasks.start_soon(post, n)
            assert answers == [200] * 300
            assert await intake.lying(place.bench) == 300
            assert await place.messages() == []
        await place.settled()
        assert len(await place.messages()) == 300
        assert await intake.lying(place.bench) == 0


async def test_what_was_carried_over_and_not_yet_taken_out_is_kept_once(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        await courier.post("shop", said())
        spool = place.bench.spool
        assert isinstance(spool, Store)
        async with spool.reading() as tx:
            row = (await tx.exec_driver_sql("SELECT * FROM message")).mappings().one()
        await place.settled()
        async with spool.writing() as tx:  # as a crash between the two commits would leave it
            names = ", ".join(row)
            holes = ", ".join("?" * len(row))
            await tx.exec_driver_sql(
                f"INSERT INTO message ({names}) VALUES ({holes})", tuple(row.values())
            )
    async with opened(tmp_path, sqlite_url, ETC) as place:
        assert len(await place.messages()) == 1
        assert await intake.lying(place.bench) == 0


async def test_a_body_that_is_a_list_is_the_list_of_messages(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(tmp_path, sqlite_url, ETC) as place, calling(place) as courier:
        body = json.dumps([said(1), None, said(2)]).encode()
        headers = aftership(body) | {"content-type": "application/cloudevents+json"}
        answer = await courier.post("shop", body, headers)
        assert answer.status_code == 200
        await place.settled()
        assert sorted((await place.states()).values()) == ["dead", "parked", "parked"]
