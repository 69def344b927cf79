"""A real courier on this machine: pages, cursors, limits, and what it does wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.abc
import pytest

from impexd.core.errors import UsageError
from impexd.feeds import poll
from tests.clock import FakeClock
from tests.feeds import house
from tests.feeds.house import House, opened, said
from tests.peer import Play, answer, peer

FEED = 'kind = "rest"\nmap = "plain"\nurl = "{url}"\nevery = "1 min"\n'

Page = Callable[[dict[str, str]], Any]


def playing(page: Page) -> Play:
    """A courier that answers each query with a document, or with (status, headers)."""

    async def play(asked: str, stream: anyio.abc.ByteStream) -> None:
        query = parse_qs(urlsplit(asked.split(" ")[1]).query)
        said = page({name: values[0] for name, values in query.items()})
        body, more = said if isinstance(said, tuple) else (said, {})
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        await stream.send(answer(raw, **more))

    return play


def config(url: str, more: str = "") -> dict[str, str]:
    return house.etc(courier=FEED.format(url=url) + more)


async def asked(place: House) -> poll.Polled:
    return await poll.poll(place.bench, "courier")


async def feed(place: House) -> dict[str, Any]:
    return await place.site.asked.get("/api/v1/feeds/courier")


async def test_messages_are_kept_and_known_again(tmp_path: Path, store_url: str) -> None:
    async with (
        peer(playing(lambda _q: [said(1), said(2), said(1)])) as there,
        opened(tmp_path, store_url, config(there.url)) as place,
    ):
        first, second = await asked(place), await asked(place)
        assert (first.fresh, second.fresh, second.repeated, second.conflicts) == (2, 0, 2, 0)
        found = await feed(place)
        assert (found["error"], found["failures"], found["breaker"]) == (None, 0, "closed")
        assert found["lag"] is not None


async def test_a_cursor_is_followed_page_by_page_and_kept(tmp_path: Path, store_url: str) -> None:
    def page(query: dict[str, str]) -> Any:
        at = int(query.get("cursor", "0"))
        return {
            "items": [said(n) for n in range(at, at + 3)],
            "next": str(at + 3) if at < 9 else None,
        }

    more = 'items = "items"\n[pages]\nby = "cursor"\nparameter = "cursor"\nnext = "next"\n'
    async with (
        peer(playing(page)) as there,
        opened(tmp_path, store_url, config(there.url, more)) as place,
    ):
        done = await asked(place)
        assert (done.pages, done.fresh, done.told) == (4, 12, "")
        assert (await feed(place))["cursor"] == "9"
        assert (await asked(place)).pages == 1  # it goes on where it was


async def test_a_page_that_fails_keeps_what_the_pages_before_it_brought(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    broken = True

    def page(query: dict[str, str]) -> Any:
        at = int(query.get("cursor", "0"))
        if at == 6 and broken:
            return b"<html>", {"status": "500 Oh"}
        return {
            "items": [said(n) for n in range(at, at + 3)],
            "next": str(at + 3) if at < 9 else None,
        }

    more = 'items = "items"\n[pages]\nby = "cursor"\nparameter = "cursor"\nnext = "next"\n'
    async with (
        peer(playing(page)) as there,
        opened(tmp_path, store_url, config(there.url, more), clock=clock) as place,
    ):
        assert (await asked(place)).error == "it answered 500"
        found = await feed(place)
        assert (found["cursor"], found["failures"], found["breaker"]) == ("6", 1, "backing off")
        assert len(await place.messages()) == 6
        broken = False
        clock.tick(60)
        done = await asked(place)
        assert (done.fresh, done.repeated, done.error) == (6, 0, "")
        assert (await feed(place))["breaker"] == "closed"


LOOPS: dict[str, tuple[str, Page, int, str]] = {
    "a cursor that stands still": (
        'by = "cursor"\nparameter = "c"\nnext = "next"\n',
        lambda q: {"items": [said(1)], "next": "a"},
        2,
        "the cursor does not advance",
    ),
    "cursors that go round": (
        'by = "cursor"\nparameter = "c"\nnext = "next"\n',
        lambda q: {"items": [said(1)], "next": "b" if q.get("c") == "a" else "a"},
        3,
        "the cursor does not advance",
    ),
    "pages without an end": (
        'by = "page"\nparameter = "page"\nmost = 5\n',
        lambda q: {"items": [said(int(q["page"]))]},
        5,
        "more than 5 pages",
    ),
    "a link without an end": (
        'by = "link"\nnext = "next"\nmost = 4\n',
        lambda q: {"items": [], "next": f"?n={int(q.get('n', '0')) + 1}"},
        4,
        "more than 4 pages",
    ),
}


@pytest.mark.parametrize(("pages", "page", "count", "told"), LOOPS.values(), ids=LOOPS)
async def test_pages_that_do_not_end_are_left_and_told(
    tmp_path: Path, sqlite_url: str, pages: str, page: Page, count: int, told: str
) -> None:
    async with peer(playing(page)) as there:
        more = f'items = "items"\n[pages]\n{pages}'
        async with opened(tmp_path, sqlite_url, config(there.url, more)) as place:
            done = await asked(place)
            assert (done.pages, done.error) == (count, "")
            assert told in done.told
            assert told in (await feed(place))["told"]
            assert len(there.asked) == count


async def test_numbered_pages_end_with_an_empty_one_and_a_moment_with_nothing_new(
    tmp_path: Path, sqlite_url: str
) -> None:
    def numbered(query: dict[str, str]) -> Any:
        return [said(int(query["page"]))] if int(query["page"]) < 4 else []

    def since(query: dict[str, str]) -> Any:
        at = int(query["since"])
        return {"items": [said(n) for n in range(at, min(at + 3, 8))], "newest": min(at + 3, 7)}

    more = '[pages]\nby = "page"\nparameter = "page"\n'
    async with (
        peer(playing(numbered)) as there,
        opened(tmp_path, sqlite_url, config(there.url, more)) as place,
    ):
        done = await asked(place)
        assert (done.pages, done.fresh, done.told) == (4, 3, "")
    (tmp_path / "b").mkdir()
    more = 'items = "items"\n[pages]\nby = "since"\nparameter = "since"\nnext = "newest"\nstart = "1"\n'
    async with (
        peer(playing(since)) as there,
        opened(tmp_path / "b", f"sqlite:///{tmp_path}/b/x.db", config(there.url, more)) as place,
    ):
        done = await asked(place)
        assert (done.fresh, done.told) == (7, "")
        assert (await feed(place))["cursor"] == "7"


async def test_an_etag_saves_the_answer(tmp_path: Path, sqlite_url: str) -> None:
    async def play(asked: str, stream: anyio.abc.ByteStream) -> None:
        if 'if-none-match: "v1"' in asked.lower():
            await stream.send(answer(status="304 Not Modified"))
        else:
            await stream.send(answer(json.dumps([said(1)]).encode(), ETag='"v1"'))

    async with peer(play) as there, opened(tmp_path, sqlite_url, config(there.url)) as place:
        assert (await asked(place)).fresh == 1
        done = await asked(place)
        assert (done.pages, done.error) == (0, "")
        assert len(there.asked) == 2


async def test_who_we_are_is_said_by_a_secret_that_stands_nowhere_else(
    tmp_path: Path, sqlite_url: str
) -> None:
    key = tmp_path / "courier.key"
    key.write_text("hunter2\n")
    key.chmod(0o600)
    more = f'[auth]\nprefix = "Token "\nsecret = {{ file = "{key}" }}\n[params]\nlimit = "5"\n'
    async with (
        peer(playing(lambda _q: [])) as there,
        opened(tmp_path, sqlite_url, config(there.url, more)) as place,
    ):
        assert (await asked(place)).error == ""
        assert "hunter2" not in place.bench.config().body + str(await feed(place))
    assert "authorization: token hunter2" in there.asked[0].lower()
    assert there.asked[0].startswith("GET /?limit=5 ")


async def test_a_courier_that_fails_is_left_alone_longer_and_longer_as_it_asks(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    replies = [(b"", {"status": "503 No"})] * 5 + [
        (b"", {"status": "429 No", "Retry_After": "7200"})
    ]
    async with (
        peer(playing(lambda _q: replies.pop(0))) as there,
        opened(tmp_path, sqlite_url, config(there.url), clock=clock) as place,
    ):
        waits = []
        for _ in range(6):
            await asked(place)
            found = await feed(place)
            async with place.bench.store.reading() as tx:
                until = (await poll.feeds.get(tx, "courier"))["until"]
            from datetime import datetime

            waits.append((datetime.fromisoformat(until) - clock.now()).total_seconds())
        assert waits == sorted(waits)
        assert waits[-1] == 3600  # two hours were asked for
        assert (found["breaker"], found["failures"]) == ("open", 6)


async def test_the_schedule_asks_and_leaves_a_failing_courier_alone_and_a_person_need_not(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    good = False

    def page(_query: dict[str, str]) -> Any:
        return [said(1)] if good else (b"", {"status": "500 Oh"})

    async with (
        peer(playing(page)) as there,
        opened(tmp_path, store_url, config(there.url), clock=clock) as place,
    ):
        timing = place.site.instance.timing

        async def minute() -> list[str]:
            clock.tick(60)
            await timing.look()
            await place.done()
            return [one["state"] for one in await timing.history("feed:courier", 10)]

        await timing.look()
        assert (await minute())[0] == "failed"
        for _ in range(5):
            states = await minute()
        assert "skipped" in states
        asked_so_far = len(there.asked)
        good = True
        begun = await place.site.asked.post("/api/v1/feeds/courier/poll", note="try it")
        await place.done()
        assert begun["feed"] == "courier"
        assert len(there.asked) == asked_so_far + 1
        assert (await minute())[0] == "done"
        assert len(await place.messages()) == 1


async def test_only_feeds_that_can_be_asked_are_asked(tmp_path: Path, sqlite_url: str) -> None:
    files = house.etc(
        hook='kind = "webhook"\nmap = "plain"\nscheme = "aftership"\nsecrets = [{env = "X"}]\n'
    )
    async with opened(tmp_path, sqlite_url, files) as place:
        with pytest.raises(UsageError, match="pushed"):
            await place.site.asked.post("/api/v1/feeds/hook/poll")
        with pytest.raises(UsageError, match="no feed"):
            await place.site.asked.post("/api/v1/feeds/nobody/poll")


async def test_pages_are_followed_by_the_link_header(tmp_path: Path, store_url: str) -> None:
    def page(query: dict[str, str]) -> Any:
        at = int(query.get("page", "1"))
        more = {"Link": f'<?page={at + 1}>; rel="next", <?page=9>; rel="last"'} if at < 3 else {}
        return [said(at)], more

    async with (
        peer(playing(page)) as there,
        opened(tmp_path, store_url, config(there.url, '[pages]\nby = "link"\n')) as place,
    ):
        assert (await asked(place)).fresh == 3


async def test_pages_may_be_counted_by_messages(tmp_path: Path, sqlite_url: str) -> None:
    def page(query: dict[str, str]) -> Any:
        at = int(query["offset"])
        return [said(n) for n in range(at, min(at + 10, 25))]

    more = '[pages]\nby = "page"\nparameter = "offset"\nfirst = 0\nstep = 10\n'
    async with (
        peer(playing(page)) as there,
        opened(tmp_path, sqlite_url, config(there.url, more)) as place,
    ):
        done = await asked(place)
        assert (done.fresh, done.repeated, done.pages) == (25, 0, 4)


async def test_no_content_is_no_news(tmp_path: Path, store_url: str) -> None:
    async with (
        peer(playing(lambda _q: (b"", {"status": "204 No Content"}))) as there,
        opened(tmp_path, store_url, config(there.url)) as place,
    ):
        assert (await asked(place)).error == ""
        assert (await feed(place))["failures"] == 0


async def test_what_is_no_object_keeps_nobody_waiting(tmp_path: Path, store_url: str) -> None:
    async with (
        peer(playing(lambda _q: [said(1), None, "x", said(2)])) as there,
        opened(tmp_path, store_url, config(there.url)) as place,
    ):
        assert (await asked(place)).fresh == 4
        await place.heard()
        assert sorted((await place.states()).values()) == ["dead", "dead", "parked", "parked"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"items": []}, "is one object and no list; if it is a message, write '[@]'"),
        (["x"], "are no objects"),
        ([[said(1)]], "are no objects; if the answer is the list of messages itself, write '@'"),
        (None, "there is nothing at @"),
        (b" ", "no JSON: the body is empty"),
    ],
    ids=["object", "texts", "nested", "null", "empty"],
)
async def test_where_there_are_no_messages_it_says_what_to_write(
    tmp_path: Path, sqlite_url: str, body: Any, told: str
) -> None:
    async with (
        peer(playing(lambda _q: body)) as there,
        opened(tmp_path, sqlite_url, config(there.url)) as place,
    ):
        assert told in (await asked(place)).error
