"""What an idle daemon costs: memory, processor, seconds until it is ready and until it has stopped."""

import signal
import tempfile
import time
from pathlib import Path

import psutil

from tests.processes import Site, until

IDLE = 10.0
"""Seconds for which it is watched doing nothing."""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.drain()
        since = time.monotonic()
        with site.started("run") as running:
            until((site.var / "impexd.sock").exists, "it listens")
            ready = time.monotonic() - since
            process = psutil.Process(running.pid)
            time.sleep(2)
            before = sum(process.cpu_times()[:2])
            time.sleep(IDLE)
            busy = (sum(process.cpu_times()[:2]) - before) / IDLE
            memory = process.memory_info().rss / 2**20
            since = time.monotonic()
            running.signal(signal.SIGTERM)
            running.wait()
            stopped = time.monotonic() - since
    print(
        f"memory {memory:.0f} MB, processor {busy:.2%}, ready in {ready:.2f} s, stopped in {stopped:.2f} s"
    )


if __name__ == "__main__":
    main()
