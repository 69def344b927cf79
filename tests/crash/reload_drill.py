"""
Reloads while everything goes on: `python -m tests.crash.reload_drill [COUNT]` prints what came of it.

Files drop, couriers push, files are handed in and exports run; meanwhile the configuration changes again
and again, a third of the times into one that is wrong, told by SIGHUP and by `impexd reload --wait` in
turns, now and then five times in a row without waiting.  A group and its inbox come and go with it, and
so does the listener for webhooks.  Then 2,000 SIGHUPs and a SIGTERM; SIGHUPs before a start is done.
"""

import argparse
import json
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from impexd import config as configuration
from tests import shop
from tests.crash import busy
from tests.crash.busy import Busy
from tests.processes import Running, Site, until

STORM = 2000
FLURRY = 5
"""Reloads in a row that nobody waits for."""


@dataclass
class Reloads:
    """The configuration, changed again and again."""

    site: Site
    daemon: Running
    port: int
    chance: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def play(self, count: int) -> None:
        """Reload so many times, the last time with everything there."""
        for n in range(1, count):
            if n % 10 == 0:
                self._flurry(n)
            self._one(n, wrong=n % 3 == 0)
        self._valid(count, more=True)
        self._taken(count, command=True)

    def _one(self, n: int, *, wrong: bool) -> None:
        command = bool(n % 2)
        since = time.monotonic()
        if wrong:
            self._invalid(n)
            self._refused(n, command=command)
        else:
            self._valid(n, more=self.chance.random() < 0.5)
            self._taken(n, command=command)
        self.slowest = max(self.slowest, time.monotonic() - since)

    def _flurry(self, n: int) -> None:
        for k in range(FLURRY):
            self._valid(n * FLURRY + k + 100_000, more=bool(k % 2))
            self.daemon.signal(signal.SIGHUP)
        self.outcomes["not waited for"] += FLURRY

    def _valid(self, n: int, *, more: bool) -> None:
        """Say a configuration that is right and like no other; the listener changes with every seventh."""
        texts = busy.etc(self.port)
        if not more:
            (self.site.etc / "groups/more.toml").unlink(missing_ok=True)
            texts.pop("groups/more.toml")
        texts["groups/shop.toml"] += f'[guard]\nmax_rejects = "{n % 50 + 1} %"\n'
        texts["groups/hand.toml"] = f'label = "{n}"\n' + texts["groups/hand.toml"]
        texts["impexd.toml"] += f"connections = {100 + n // 7}\n"
        for name, text in texts.items():
            self.site.say(name, text)

    def _invalid(self, n: int) -> None:
        """Make one mistake, of four kinds."""
        name, text = (
            ("groups/shop.toml", f"oops{n} = 1\n" + shop.ETC["groups/shop.toml"]),
            ("descriptors/brands.toml", shop.ETC["descriptors/brands.toml"] + f"[oops{n}"),
            ("groups/more.toml", f'kind = "import"\ndescriptors = ["oops{n}"]\n'),
            ("groups/hand.toml", shop.ETC["groups/shop.toml"] + f"[guard]\noops{n} = 2\n"),
        )[n // 3 % 4]
        self.site.say(name, text)

    def _taken(self, n: int, *, command: bool) -> None:
        wanted = configuration.load(self.site.etc).hash
        if command:
            done = self.site.call("reload", "--wait")
            assert (done.returncode, wanted[:12] in done.stdout) == (0, True), done
            self.outcomes["command: taken, exit 0"] += 1
        else:
            self.daemon.signal(signal.SIGHUP)
            self.outcomes["signal: taken"] += 1
        until(lambda: self._newest() == ("taken", wanted), f"reload {n} is taken")

    def _refused(self, n: int, *, command: bool) -> None:
        try:
            configuration.load(self.site.etc)
        except configuration.ConfigError as error:
            (mistake, *_) = error.mistakes
        if command:
            done = self.site.call("reload", "--wait")
            assert (done.returncode, mistake in done.stderr) == (78, True), (mistake, done)
            self.outcomes["command: refused, exit 78 with file and line"] += 1
        else:
            self.daemon.signal(signal.SIGHUP)
            self.outcomes["signal: refused"] += 1
        until(lambda: self._newest() == ("refused", mistake), f"reload {n} is refused")

    def _newest(self) -> tuple[str, str]:
        query = "SELECT outcome, hash, mistakes FROM config_log ORDER BY id DESC LIMIT 1"
        ((outcome, hash, mistakes),) = self.site.query(query)
        return outcome, hash or json.loads(mistakes)[0]


def reigns(site: Site) -> dict[str, Any]:
    """Hold the configuration of each run against those that were in force, and when."""
    log = site.query("SELECT at, hash FROM config_log WHERE outcome = 'taken' ORDER BY id")
    since = {hash: at for at, hash in log}
    until_ = {hash: at for (_, hash), (at, _) in pairwise(log)}
    runs = site.query("SELECT config_hash, created FROM run")
    unknown = sum(hash not in since for hash, _ in runs)
    early = sum(created < since.get(hash, "") for hash, created in runs)
    late = [created for hash, created in runs if created > until_.get(hash, "9")]
    return {
        "configurations": len(since),
        "hashes_used": len({hash for hash, _ in runs}),
        "hashes_unknown": unknown,
        "hashes_before_their_time": early,
        "claimed_while_another_came": len(late),
    }


def play(home: Path, count: int, *, seed: int = 1, pause: float = 0.5) -> dict[str, Any]:
    """Reload so many times while everything goes on; gives what came of it."""
    port = busy.port()
    site = Site(home, busy.etc(port))
    site.drain()
    outside, began = Busy(site, port, pause), time.monotonic()
    with site.daemon() as daemon:
        reloads = Reloads(site, daemon, port, random.Random(seed))
        with outside.going():
            reloads.play(count)
        found = busy.finished(outside)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.said()
        assert "Traceback" not in daemon.said(), daemon.said()
    return (
        {"reloads": dict(reloads.outcomes), "slowest": round(reloads.slowest, 1)}
        | found
        | reigns(site)
        | {"seconds": round(time.monotonic() - began)}
    )


def storm(home: Path, count: int = STORM) -> dict[str, Any]:
    """Send so many SIGHUPs and then SIGTERM; and SIGHUPs to a daemon that is not ready yet."""
    site = Site(home)
    site.drain()
    with site.daemon() as daemon:
        for _ in range(count):
            daemon.signal(signal.SIGHUP)
        since = time.monotonic()
        daemon.signal(signal.SIGTERM)
        code, took = daemon.wait(), time.monotonic() - since
    early = 0
    with site.started("run") as daemon:
        lock, socket = site.var / "impexd.lock", site.var / "impexd.sock"
        until(lambda: lock.read_text() == str(daemon.pid), "it has the lock")
        while not socket.exists():
            assert daemon.ended() is None, daemon.said()
            daemon.signal(signal.SIGHUP)
            early += 1
        daemon.signal(signal.SIGTERM)
        early_code = daemon.wait()
    return {
        "sighups": count,
        "sigterm_exit": code,
        "stopped_after": round(took, 1),
        "sighups_before_ready": early,
        "early_exit": early_code,
    }


def main() -> None:
    """Play it, and print what came of it."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("count", nargs="?", type=int, default=500)
    count = said.parse_args().count
    with tempfile.TemporaryDirectory(prefix="impexd-reloads-") as home:
        print(json.dumps(play(Path(home) / "busy", count)), flush=True)
        print(json.dumps(storm(Path(home) / "storm")), flush=True)


if __name__ == "__main__":
    main()
