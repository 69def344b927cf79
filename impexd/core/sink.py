"""
Where log lines go: a thread of their own writes them, so that nobody else ever waits for a reader.

Takes lines, gives them to a file descriptor in order.  A pipe that nobody reads, or a journald that
hangs, stops the thread and nothing else: what does not fit into `LINES` any more is dropped, counted,
and said once lines flow again.
"""

import os
import queue
import threading
import time
from collections.abc import Callable

LINES = 10_000
"""Lines that wait for a reader at most."""


class Sink:
    """A file descriptor that is written to by a thread."""

    def __init__(self, target: int, *, lines: int = LINES) -> None:
        self._target = target
        self._lines: queue.Queue[str] = queue.Queue(lines)
        self._told = 0
        self.dropped = 0
        """Lines that nobody will ever read."""
        # A daemon thread: one that hangs in write(2) must not keep the process alive.
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def put(self, line: str) -> None:
        """Have a line written, or drop and count it; never waits."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def flush(self, seconds: float) -> None:
        """Wait until all is written, but no longer than so many seconds."""
        deadline = time.monotonic() + seconds
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.005)

    def news(self) -> int:
        """Give how many lines were dropped since this was asked last."""
        fresh, self._told = self.dropped - self._told, self.dropped
        return fresh

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            try:
                data = memoryview(line.encode("utf-8", "backslashreplace") + b"\n")
                while data:
                    data = data[os.write(self._target, data) :]
            except OSError:  # the reader has gone for good, or its disk is full
                self.dropped += 1
            finally:
                self._lines.task_done()


class Tap:
    """Events that carry a run, held until somebody fetches them to keep them with it."""

    def __init__(self, most: int = LINES) -> None:
        self._events: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
        self._most = most
        self.open = False
        """Does anybody fetch them?"""
        self.dropped = 0
        self.ring: Callable[[], None] | None = None
        """Called, in any thread, when there is something to be fetched."""

    def put(self, event: dict[str, object]) -> None:
        """Hold an event, or drop and count it."""
        if not self.open:
            return
        if self._events.qsize() >= self._most:
            self.dropped += 1
            return
        self._events.put(event)
        if self.ring is not None:
            self.ring()

    def taken(self, most: int) -> list[dict[str, object]]:
        """Take the oldest events out."""
        found: list[dict[str, object]] = []
        while len(found) < most:
            try:
                found.append(self._events.get_nowait())
            except queue.Empty:
                break
        return found
