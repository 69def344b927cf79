"""
Logging: structlog through the standard library, one event one line.

`JSON` for machines, columns for a terminal; under systemd each line carries its priority
(sd-daemon(3): `<6>`).  Libraries' own loggers come out the same way.  Tracebacks never show
local variables: they hold partners' data and secrets.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

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

_PRIORITY = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}


def start(level: str = "info", style: Style = "auto") -> None:
    """Send all logging of this process to standard error."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _clean,
    ]
    render: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        plain = structlog.dev.plain_traceback
        render.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        bare = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        render.append(structlog.processors.ExceptionRenderer(bare))
        render.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    if os.environ.get("JOURNAL_STREAM") and not console:
        render.append(_prioritized)
    handler = logging.StreamHandler(sys.stderr)
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


def _clean(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Make every text of an event one printable line of bounded length."""
    for key, value in event.items():
        if isinstance(value, str) and key not in ("trace", "exception"):
            event[key] = shown(value, limit=LONGEST)
    return event


def _prioritized(_logger: object, method: str, line: Any) -> Any:
    return f"<{_PRIORITY.get(method, 6)}>{line}"
