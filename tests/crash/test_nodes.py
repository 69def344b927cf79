"""Two daemons on one PostgreSQL import what is in their folders, through kill -9 of either."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests import shop
from tests.processes import Running, Site, until

DROPS, PRODUCTS, KILLS = 10, 40, 4


def sites(home: Path, database: str) -> list[Site]:
    """Two instances with folders of their own."""
    secret = home / "database.url"
    secret.write_text(database)
    secret.chmod(0o600)
    more = f'[store]\nurl_file = "{secret}"\n[admin]\nlisten = "off"\n'
    etc = shop.ETC | {"impexd.toml": shop.ETC["impexd.toml"] + more}
    return [Site(home / name, etc) for name in ("one", "two")]


class Pair:
    """Two daemons, each of which may be killed and started again."""

    def __init__(self, both: list[Site]) -> None:
        self.both = both
        self.running: list[Running] = []
        self._stacks: list[ExitStack] = []
        self.said = ""

    def start(self, n: int) -> None:
        stack = ExitStack()
        running = stack.enter_context(self.both[n].daemon())
        self._stacks[n : n + 1], self.running[n : n + 1] = [stack], [running]

    def kill(self, n: int) -> None:
        self.running[n].kill(group=True)
        self.said += self.running[n].said()
        self._stacks[n].close()

    def close(self) -> None:
        for stack, running in zip(self._stacks, self.running, strict=True):
            self.said += running.said()
            stack.close()


@contextmanager
def pair(both: list[Site]) -> Iterator[Pair]:
    """Both run as long as the block lasts."""
    found = Pair(both)
    try:
        for n in range(2):
            found.start(n)
        yield found
    finally:
        found.close()


def states(database: str) -> Counter[tuple[int, str]]:
    """(node, state) -> how many runs."""
    with psycopg.connect(database) as there:
        query = "SELECT node, state, count(*) FROM run WHERE state <> 'void' GROUP BY 1, 2"
        return Counter({(node, state): count for node, state, count in there.execute(query)})


def test_whichever_is_killed_each_drop_is_loaded_once(tmp_path: Path, postgres_url: str) -> None:
    chance, both = random.Random(7), sites(tmp_path, postgres_url)
    with pair(both) as daemons:
        for n in range(DROPS):
            records = shop.rows(PRODUCTS, first=n * PRODUCTS)
            both[n % 2].drop(f"{n:03d}.zip", shop.zipped(shop.members(records)))
        for n in range(KILLS):
            done = (n + 1) * DROPS // (KILLS + 2)
            until(lambda: ended(postgres_url) >= done, "some more are loaded")  # noqa: B023
            victim = chance.randrange(2)
            daemons.kill(victim)
            daemons.start(victim)
        each = {(node, "archived"): DROPS // 2 for node in (1, 2)}
        until(lambda: states(postgres_url) == each, "all are loaded")
        for site in both:
            assert site.ask("verify")["differences"] == []
    assert "Traceback" not in daemons.said
    with psycopg.connect(postgres_url) as there:
        assert there.execute("SELECT count(*) FROM product").fetchone() == (DROPS * PRODUCTS,)
        loaded = there.execute("SELECT name, count(*) FROM run WHERE state <> 'void' GROUP BY 1")
        assert Counter(dict(loaded.fetchall())) == {f"{n:03d}.zip": 1 for n in range(DROPS)}
    for n, site in enumerate(both):
        names = [Path(name).name for name in site.lying("archive") if name.endswith(".zip")]
        assert sorted(names) == [f"{m:03d}.zip" for m in range(n, DROPS, 2)]
        assert [site.lying(room) for room in ("inbox", "work", "failed")] == [[], [], []]


def ended(database: str) -> int:
    """How many drops are loaded."""
    return sum(count for (_, state), count in states(database).items() if state == "archived")
