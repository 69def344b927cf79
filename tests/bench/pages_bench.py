"""
How long each page takes with a database that has grown, quiet and while an import runs, and what it brings.

    python -m tests.bench.pages_bench [PRODUCTS] [RUNS] [ORDERS]

Fills the instance of a running daemon by SQL, asks every page five times over HTTP, prints the median and
the slowest answer, what each cost the daemon, and the bytes of the page; then all of it again while files of `ROWS` rows are being
imported one after the other; then the bytes of all assets.  Ends with 1 if a median is over `GOAL`.
"""

import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import psutil

from impexd.admin.pages import still
from tests.browser.site import Site, rows, running
from tests.processes import until

GOAL = 200.0
"""Milliseconds."""
ASSETS = 100_000
TIMES = 5
ROWS = 300_000
"""Of a file that is imported meanwhile; every second one of them changes a product."""
PAGES = (
    "/",
    "/import?group=items",
    "/runs",
    "/runs?group=items",
    "/runs?state=failed",
    "/runs?group=items&state=held",
    "/runs?before={runs_half}",
    "/runs/{runs_half}",
    "/runs/{runs_half}/problems",
    "/export?group=items-out",
    "/schedule",
    "/groups",
    "/groups/items",
    "/files/descriptors/items.toml",
    "/data",
    "/data/item",
    "/data/item?begins=P0000",
    "/data/item?field=name&holds=Product%2077",
    "/data/item/record?key=P{product:07d}",
    "/orders",
    "/orders?state=in_progress",
    "/orders?state=awaiting_approval",
    "/orders?shop=S7",
    "/orders?search=N50",
    "/orders?search=nobody%40example.org",
    "/orders?before={orders_half}",
    "/orders/N{orders_half}",
    "/feeds",
    "/partners",
    "/settings",
)

ITEMS = """
INSERT INTO item (_id, sku, name, price, _created, _changed, _part, _line, _seq, _hash)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT i, printf('P%07d', i), 'Product ' || i, printf('%d.50', i % 900), 1, 1, 1, i, i, i FROM n
"""
RUNS = """
INSERT INTO run (id, token, kind, group_name, state, origin, name, bytes, sha256, problems, counts,
                 created, started, finished)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT i, 't' || i, CASE WHEN i % 5 = 0 THEN 'export' ELSE 'import' END,
       CASE WHEN i % 5 = 0 THEN 'items-out' WHEN i % 7 = 0 THEN 'guarded' ELSE 'items' END,
       CASE WHEN i % 5 = 0 THEN 'published' WHEN i % 997 = 0 THEN 'failed' ELSE 'archived' END,
       'inbox', 'items-' || i || '.csv', 1000, printf('%064d', i), 0,
       '{"item": {"inserted": 10, "updated": 3}}', m, m, m
FROM (SELECT i, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('-%d minutes', 5 * (? - i))) AS m FROM n)
"""
PARTS = """
INSERT INTO part (run, n, member, descriptor, entity, mode, state)
SELECT id, 0, name, 'items', 'item', 'merge', 'applied' FROM run WHERE kind = 'import'
"""
ORDERS = """
INSERT INTO orders (id, number, shop, state, customer_key, currency, total, payment_method, digest,
                    source, placed, created, changed)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT i, 'N' || i, 'S' || (i % 20),
       CASE WHEN i % 50 = 0 THEN 'in_progress' ELSE 'completed' END,
       'c' || i || '@example.org', 'EUR', '20.00', 'card', printf('%064d', i), 'api',
       '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
FROM n
"""
REST = (
    "INSERT INTO order_line (order_id, ref, sku, quantity) SELECT id, '1', 'P0000001', '1' FROM orders",
    "INSERT INTO delivery (order_id, number, kind, state) SELECT id, number || '-1', 'standard',"
    " CASE WHEN id % 50 = 0 THEN 'new' ELSE 'delivered' END FROM orders",
    "INSERT INTO order_audit (order_id, event, to_state, at, actor)"
    " SELECT id, 'place', state, created, 'bench' FROM orders",
)


def filled(path: Path, products: int, runs: int, orders: int) -> None:
    """Put rows in, as many as a large shop has after some years."""
    with closing(sqlite3.connect(path, timeout=600)) as db, db:
        db.execute(ITEMS, (products,))
        db.execute(RUNS, (runs, runs))
        db.execute(PARTS)
        db.execute(ORDERS, (orders,))
        for statement in REST:
            db.execute(statement)


def asked(site: Site, http: httpx2.Client, sizes: dict[str, int]) -> list[str]:
    """Ask each page; gives those that took too long."""
    slow, daemon = [], psutil.Process(site.pid)
    for pattern in PAGES:
        path = pattern.format(
            runs_half=sizes["runs"] // 2 + 1,
            orders_half=sizes["orders"] // 2,
            product=sizes["products"] // 2,
        )
        before = sum(daemon.cpu_times()[:2])
        took = [_once(http, path) for _ in range(TIMES)]
        busy = (sum(daemon.cpu_times()[:2]) - before) / TIMES * 1000
        millis = [seconds * 1000 for seconds, _ in took]
        middle = statistics.median(millis)
        print(f"{middle:8.1f} {max(millis):8.1f} {busy:8.0f} {took[0][1]:8,}  {path}", flush=True)
        slow += [path] if middle > GOAL else []
    print(f"slower than {GOAL:.0f} ms: {', '.join(slow) or 'none'}", flush=True)
    return slow


def _once(http: httpx2.Client, path: str) -> tuple[float, int]:
    before = time.perf_counter()
    answer = http.get(path)
    took = time.perf_counter() - before
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return took, len(answer.content)


@contextmanager
def importing(site: Site, http: httpx2.Client, products: int) -> Iterator[list[int]]:
    """Have files imported one after the other for as long as the block lasts; gives the runs."""
    going, ended = list[int](), threading.Event()
    step = max(2 * products // ROWS, 1)

    def over() -> bool:
        told = http.get(f"/api/v1/runs/{going[-1]}").json()
        return ended.wait(0.2) or bool(told["settled"])

    def feed() -> None:
        n = 0
        while not ended.is_set():
            n += 1
            lines = (
                f"P{i * step // 2:07d};Changed {n};{n}" if i % 2 else f"new-{n}-{i};New;1"
                for i in range(ROWS)
            )
            path = site.home / f"items-{n}.csv"
            path.write_bytes(rows(list(lines)))
            told = {"group": "items", "path": str(path)}
            going.append(int(http.post("/api/v1/imports", json=told).json()["run"]))
            until(over, "a run", seconds=600)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        until(lambda: bool(going), "a run", seconds=600)
        yield going
    finally:
        ended.set()
        thread.join()


def measure(home: Path, sizes: dict[str, int]) -> bool:
    with running(home) as site:
        token = site.token("admin")
        before = time.perf_counter()
        filled(home / "var" / "impexd.db", *sizes.values())
        print(f"filled in {time.perf_counter() - before:.0f} s: {sizes}")
        headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
        with httpx2.Client(base_url=site.url, headers=headers, timeout=600) as http:
            print(
                "  median  slowest     cpu    bytes  page  (milliseconds; cpu: of the daemon, for each answer)",
                flush=True,
            )
            slow = asked(site, http, sizes)
            headers["accept"] = "application/json"
            with (
                httpx2.Client(base_url=site.url, headers=headers, timeout=600) as feeder,
                importing(site, feeder, sizes["products"]) as going,
            ):
                print(f"while files of {ROWS:,} rows are being imported:", flush=True)
                slow += asked(site, http, sizes)
                print(f"{len(going)} runs were going meanwhile")
    assets = sum(len(one.packed) for name, one in still.files().items() if name != "NOTICE")
    print(f"assets: {assets:,} bytes as they are sent (goal {ASSETS:,})")
    return not slow and assets < ASSETS


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    names, usual = ("products", "runs", "orders"), (1_000_000, 100_000, 100_000)
    sizes = dict(zip(names, [*given, *usual[len(given) :]], strict=True))
    with tempfile.TemporaryDirectory() as home:
        sys.exit(0 if measure(Path(home), sizes) else 1)


if __name__ == "__main__":
    main()
