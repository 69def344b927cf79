"""
Logging: structlog through the standard library, one event one line.

`JSON` for machines, columns for a terminal; under systemd each line carries its priority
(sd-daemon(3): `<6>`).  Libraries' own loggers come out the same way.  Tracebacks never show
local variables: they hold partners' data and secrets.
"""

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from impexd.core.sink import Sink, Tap
from impexd.core.text import shown

Style = Literal["auto", "json", "console"]
LONGEST = 8000
"""Most characters of one value (promise G5: log lines up to 8 kB)."""

TALKATIVE = (
    "aiosqlite",
    "alembic",
    "apscheduler",
    "asyncio",
    "httpcore2",
    "httpx2",
    "procrastinate",
    "uvicorn",
    "watchfiles",
)
"""Libraries that tell what they do; only what goes wrong is of interest."""

SECRET = frozenset({"password", "secret", "authorization", "api_key", "cookie"})
"""Keys whose value is never shown, should anybody ever log one."""

KEPT = Tap()
"""What was logged about runs, for as long as somebody fetches it."""

_PASSWORD = re.compile(r"(://[^/\s:@]*):[^@\s/]+@")

_sink: Sink | None = None

_PRIORITY = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}


class _Threaded(logging.Handler):
    """Hands lines to a sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one line over."""
        self._sink.put(self.format(record))


def start(level: str = "info", style: Style = "auto", *, threaded: bool = False) -> None:
    """
    Send all logging of this process to standard error.

    `threaded`: by a thread of its own, so that a reader who does not read cannot hold us up.
    """
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _clean,
    ]
    render: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _kept]
    if console:
        plain = structlog.dev.plain_traceback
        render.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        bare = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        render.append(structlog.processors.ExceptionRenderer(bare))
        render.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    if os.environ.get("JOURNAL_STREAM") and not console:
        render.append(_prioritized)
    handler = _handler(threaded=threaded)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=render)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in TALKATIVE:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _handler(*, threaded: bool) -> logging.Handler:
    global _sink
    if not threaded:
        return logging.StreamHandler(sys.stderr)
    if _sink is None:
        _sink = Sink(sys.stderr.fileno())
    return _Threaded(_sink)


def flush(seconds: float = 1.0) -> None:
    """See to it that what was logged is written, if its reader reads."""
    if _sink is not None:
        _sink.flush(seconds)


def dropped() -> int:
    """Give how many lines were dropped because nobody read them, or nobody kept them."""
    return KEPT.dropped + (_sink.dropped if _sink is not None else 0)


def say_dropped() -> None:
    """Log that lines were dropped since this was called last, if any were."""
    if _sink is not None and (fresh := _sink.news()):
        structlog.get_logger(__name__).warning("log lines dropped", lines=fresh)


def _kept(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Let what is said about a run be kept with it."""
    if isinstance(event.get("run"), int):
        KEPT.put({key: value for key, value in event.items() if key != "exc_info"})
    return event


def _clean(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Make every text of an event one printable line of bounded length."""
    for key, value in event.items():
        if key in SECRET:
            event[key] = "***"
        elif isinstance(value, str) and key not in ("trace", "exception"):
            text = _PASSWORD.sub(r"\1:***@", value) if "://" in value else value
            event[key] = shown(text, limit=LONGEST)
    return event


def _prioritized(_logger: object, method: str, line: Any) -> Any:
    return f"<{_PRIORITY.get(method, 6)}>{line}"
