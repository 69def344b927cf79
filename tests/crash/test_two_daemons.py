"""
Two daemons on one PostgreSQL tell a partner of the same orders: each event once, whoever sends it.

The partner here keeps a book of all it is asked; it honours keys, as partners do.
"""

import http.client
import http.server
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from impexd.queue.jobs import CALLS, HOUSE
from tests.crash import busy
from tests.orders.chain.house import exporter
from tests.peer import OUTBOUND
from tests.processes import Running, Site, until

ORDERS = 40
HTTP = '[http]\nurl = "{url}/{{order}}/{{flag}}"\n'
LANES = len((CALLS, HOUSE))
QUICK: dict[str, Any] = {"retry": {"first": "1 s", "most": "1 s"}, "concurrency": 8}


@dataclass
class Book:
    """What the partner was asked."""

    url: str = ""
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(order and flag, key, body) of each request."""

    def keys(self) -> dict[str, set[str]]:
        """Order and flag -> the keys under which it was told."""
        found: dict[str, set[str]] = {}
        for about, key, _ in list(self.asked):
            found.setdefault(about, set()).add(key)
        return found

    def bodies(self) -> int:
        """How many different things it was told."""
        return len({(key, body) for _, key, body in self.asked})


@dataclass(frozen=True)
class Pair:
    """Two daemons."""

    one: Site
    first: Running
    two: Site
    second: Running
    hearts: list[int]
    """The first one's workers."""
    ports: tuple[int, int]
    """Where each hears webhooks."""


@contextmanager
def partner() -> Iterator[Book]:
    """A partner that listens as long as the block lasts."""
    book = Book()

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            if len(body := self.rfile.read(length)) < length:
                return  # who sends it was killed over it
            book.asked.append((self.path, self.headers["idempotency-key"], body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """It says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    book.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield book
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def both(home: Path, database: str, url: str) -> Iterator[Pair]:
    """Two daemons on one database, as long as the block lasts."""
    secret = home / "database.url"
    secret.write_text(database)
    secret.chmod(0o600)
    main = f'[store]\nurl_file = "{secret}"\n[orders]\nstock = "off"\n[admin]\nlisten = "off"\n'
    etc = {
        "impexd.toml": f'{OUTBOUND}[log]\nformat = "json"\n{main}',
        "exporters/erp.toml": exporter("http", "INITPAID", HTTP.format(url=url), next="TOLD", **QUICK),
        "exporters/after.toml": exporter("http", "TOLD", HTTP.format(url=url), **QUICK),
        "exporters/mail.toml": exporter("http", "COMPLETED", HTTP.format(url=url), **QUICK),
        "feeds/plain.toml": 'kind = "map"\n[message]\nid = "id"\norder = "order"\nstatus = "status"\n',
        "feeds/hook.toml": 'kind = "webhook"\nmap = "plain"\nscheme = "token"\nheader = "X-Token"\n'
        f'secrets = [{{ env = "{busy.SECRET}" }}]\nrate = 100000\n',
    }  # fmt: skip
    ports = busy.port(), busy.port()
    hooks = [f'[webhooks]\nlisten = "127.0.0.1:{port}"\n' for port in ports]
    sites = [
        Site(home / name, etc | {"impexd.toml": etc["impexd.toml"] + hook})
        for name, hook in zip(("one", "two"), hooks, strict=True)
    ]
    with sites[0].daemon() as one:
        hearts = until(lambda: workers(database), "its hearts beat")
        with sites[1].daemon() as two:
            yield Pair(sites[0], one, sites[1], two, hearts, ports)


def placed(site: Site, number: str, other: Site) -> None:
    """A paid order is placed, and its two deliveries are shipped at the same moment."""
    lines = [{"sku": "A", "quantity": 1, "warehouse": name} for name in ("W1", "W2")]
    order = {"number": number, "lines": lines, "payment": {"state": "confirmed"}}
    assert busy.asked(site, "POST", "/api/v1/orders", order)[0] == 201
    with ThreadPoolExecutor(2) as hands:
        shipped = [
            hands.submit(_shipped, one, number, f"{number}-{n}")
            for n, one in enumerate((site, other), 1)
        ]
    assert [one.result() for one in shipped] == [200, 200]


def _shipped(site: Site, number: str, delivery: str) -> int:
    said = {"event": "ship", "delivery": delivery}
    return busy.asked(site, "POST", f"/api/v1/orders/{number}/events", said)[0]


def told(book: Book, numbers: list[str]) -> bool:
    """Has the partner heard of every event of every order?"""
    wanted = {f"/{one}/{flag}" for one in numbers for flag in ("INITPAID", "TOLD", "COMPLETED")}
    return book.keys().keys() >= wanted


def states(database: str) -> Counter[str]:
    """State -> how many tasks."""
    with psycopg.connect(database) as there:
        return Counter(dict(there.execute("SELECT state, count(*) FROM task GROUP BY state")))


def test_each_event_is_told_once_by_whichever_daemon(tmp_path: Path, postgres_url: str) -> None:
    numbers = [f"O-{n:03d}" for n in range(ORDERS)]
    with (
        partner() as book,
        both(tmp_path, postgres_url, book.url) as pair,
        ThreadPoolExecutor(4) as hands,
    ):
        sites = (pair.one, pair.two)
        list(hands.map(lambda n: placed(sites[n % 2], numbers[n], sites[1 - n % 2]), range(ORDERS)))
        until(lambda: told(book, numbers), "all is told")
        until(lambda: states(postgres_url) == {"done": 3 * ORDERS}, "all is written down")
        assert "Traceback" not in pair.first.said() + pair.second.said()
    assert {len(keys) for keys in book.keys().values()} == {1}
    assert len(book.asked) == len(book.keys()) == book.bodies() == 3 * ORDERS


def test_what_is_pushed_to_both_at_once_is_kept_once(tmp_path: Path, postgres_url: str) -> None:
    with (
        partner() as book,
        both(tmp_path, postgres_url, book.url) as pair,
        ThreadPoolExecutor(4) as hands,
    ):
        until(lambda: pair.first.logged("webhooks open"), "the first one hears")
        until(lambda: pair.second.logged("webhooks open"), "the second one hears")

        def pushed(n: int, port: int, word: str) -> int:
            there = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            said = {"id": f"evt-{n}", "order": f"O-{n}", "status": word}
            headers = {"content-type": "application/json", "x-token": os.environ[busy.SECRET]}
            there.request("POST", "/hooks/hook", json.dumps(said).encode(), headers)
            return there.getresponse().status

        alike = [hands.submit(pushed, n // 4, pair.ports[n % 2], "shipped") for n in range(200)]
        assert {one.result() for one in alike} == {200}
        other = [hands.submit(pushed, 99 + n // 2, pair.ports[n % 2], f"w{n}") for n in range(40)]
        answers = Counter(one.result() for one in other)
    assert answers == {200: 20, 409: 20}
    with psycopg.connect(postgres_url) as there:
        rows = there.execute(
            "SELECT state = 'conflict', count(*) FROM message GROUP BY 1"
        ).fetchall()
    assert dict(rows) == {False: 70, True: 20}


def test_what_a_killed_daemon_was_telling_the_other_tells_under_the_same_key(
    tmp_path: Path, postgres_url: str
) -> None:
    numbers = [f"O-{n:03d}" for n in range(ORDERS)]
    with (
        partner() as book,
        both(tmp_path, postgres_url, book.url) as pair,
        ThreadPoolExecutor(4) as hands,
    ):
        half = ORDERS // 2
        going = [hands.submit(placed, pair.one, numbers[n], pair.one) for n in range(half)]
        until(lambda: len(book.asked) > 20, "the partner is told")
        pair.first.kill(group=True)
        confirmed = [numbers[n] for n in range(half) if going[n].exception() is None]
        list(hands.map(lambda number: placed(pair.two, number, pair.two), numbers[half:]))
        missed(postgres_url, pair.hearts)
        expected = confirmed + numbers[half:]
        until(lambda: told(book, expected), "all is told")
        until(lambda: states(postgres_url).keys() == {"done"}, "all is written down")
        assert "Traceback" not in pair.second.said()
    assert {len(keys) for keys in book.keys().values()} == {1}
    assert len(book.keys()) == book.bodies()
    again = len(book.asked) - len(book.keys())
    assert again <= 3 * QUICK["concurrency"], "only what was on its way is told again"


def workers(database: str) -> list[int]:
    """The workers whose hearts beat, once all of a daemon are there: one for each lane."""
    with psycopg.connect(database) as there:
        found = there.execute("SELECT id FROM procrastinate_workers").fetchall()
    return [id for (id,) in found] if len(found) == LANES else []


def missed(database: str, ids: list[int]) -> None:
    """Let these hearts have stood still for long."""
    with psycopg.connect(database) as there:
        there.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'"
            " WHERE id = ANY(%s)",
            [ids],
        )
