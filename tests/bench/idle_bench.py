"""
What an idle daemon costs: memory, processor, seconds until it is ready and until it has stopped.

    python -m tests.bench.idle_bench [SECONDS]

A shop with one inbox and the settings that hold where nothing is said, watched doing nothing.  A machine
that others use, too, makes all but the memory larger.
"""

import argparse
import signal
import tempfile
import time
from pathlib import Path

import psutil

from tests import shop
from tests.processes import Site, until


def main() -> None:
    """Print the figures."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("seconds", nargs="?", type=float, default=30.0)
    idle = said.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), shop.ETC | {"impexd.toml": ""})
        site.drain()
        since = time.monotonic()
        with site.started("run") as running:
            until((site.var / "impexd.sock").exists, "it listens")
            ready = time.monotonic() - since
            process = psutil.Process(running.pid)
            time.sleep(2)
            before = sum(process.cpu_times()[:2])
            time.sleep(idle)
            busy = (sum(process.cpu_times()[:2]) - before) / idle
            memory = process.memory_info().rss / 2**20
            since = time.monotonic()
            running.signal(signal.SIGTERM)
            running.wait()
            stopped = time.monotonic() - since
    print(
        f"memory {memory:.1f} MB, processor {busy:.2%}, ready in {ready:.2f} s, stopped in {stopped:.2f} s"
    )


if __name__ == "__main__":
    main()
