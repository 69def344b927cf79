"""
How long each page takes with a database that has grown, and what it brings.

    python -m tests.bench.pages_bench [PRODUCTS] [RUNS] [ORDERS]

Fills an instance by SQL, asks every page five times through its door, as a browser does, and prints the
median and the slowest answer, with the bytes of the page; then the bytes of all assets.
"""

import asyncio
import logging
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import structlog

from impexd.admin.pages import still
from tests.admin.conftest import Gate, opened

GOAL = 200.0
"""Milliseconds."""
ASSETS = 100_000
TIMES = 5
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
    with sqlite3.connect(path) as db:
        db.execute(ITEMS, (products,))
        db.execute(RUNS, (runs, runs))
        db.execute(PARTS)
        db.execute(ORDERS, (orders,))
        for statement in REST:
            db.execute(statement)


async def asked(gate: Gate, cookie: str, sizes: dict[str, int]) -> list[tuple[float, float, str]]:
    """Ask each page; gives median, slowest and path."""
    found = []
    async with gate.browser(accept="text/html") as client:
        client.cookies.set(gate.door.place.cookie, cookie)
        for pattern in PAGES:
            path = pattern.format(
                runs_half=sizes["runs"] // 2 + 1,
                orders_half=sizes["orders"] // 2,
                product=sizes["products"] // 2,
            )
            took = [await _once(client, path) for _ in range(TIMES)]
            millis = [seconds * 1000 for seconds, _ in took]
            found.append((statistics.median(millis), max(millis), path))
            print(f"{found[-1][0]:8.1f} {found[-1][1]:8.1f} {took[0][1]:8,}  {path}", flush=True)
    return found


async def _once(client: httpx2.AsyncClient, path: str) -> tuple[float, int]:
    before = time.perf_counter()
    answer = await client.get(path)
    took = time.perf_counter() - before
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return took, len(answer.content)


async def measure(home: Path, sizes: dict[str, int]) -> bool:
    async with opened(home) as gate:
        await gate.setup()
        cookie = await gate.signing.sign_in(
            "Anna", "correct horse battery staple", address="127.0.0.1", agent="bench"
        )
        path = gate.instance.store.path
        assert path is not None
        before = time.perf_counter()
        await asyncio.to_thread(filled, path, *sizes.values())
        print(f"filled in {time.perf_counter() - before:.0f} s: {sizes}")
        print("  median  slowest    bytes  page  (milliseconds)")
        found = await asked(gate, cookie, sizes)
    slow = [path for median, _, path in found if median > GOAL]
    assets = sum(len(one.packed) for name, one in still.files().items() if name != "NOTICE")
    print(f"slower than {GOAL:.0f} ms: {slow or 'none'}")
    print(f"assets: {assets:,} bytes as they are sent (goal {ASSETS:,})")
    return not slow and assets < ASSETS


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    names, usual = ("products", "runs", "orders"), (1_000_000, 100_000, 100_000)
    sizes = dict(zip(names, [*given, *usual[len(given) :]], strict=True))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as home:
        sys.exit(0 if asyncio.run(measure(Path(home), sizes)) else 1)


if __name__ == "__main__":
    main()
