"""Log lines: one event, one line, nothing raw, nothing secret."""

import json
import subprocess
import sys

SCRIPT = """
import logging, structlog
from impexd.core import log
log.start("info", "json")
def deep(password):
    raise ValueError("boom")
structlog.get_logger().info("dropped", name="a\\nforged\\x1b[31m", size=7)
logging.getLogger("some.library").warning("careful %s", "now")
logging.getLogger("alembic.runtime").info("never seen")
try:
    deep("hunter2")
except ValueError:
    structlog.get_logger().exception("it broke")
structlog.get_logger().info("long", text="x" * 100_000)
"""


def lines(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_event_is_one_line_of_json() -> None:
    dropped, careful, broke, long = map(json.loads, lines())
    assert (dropped["event"], dropped["level"], dropped["size"]) == ("dropped", "info", 7)
    assert careful["event"] == "careful now"
    assert broke["exception"]
    assert len(long["text"]) <= 8000


def test_control_characters_of_foreign_text_do_not_reach_the_log() -> None:
    raw = "\n".join(lines())
    assert "\x1b" not in raw
    assert "a\\\\nforged" in raw


def test_a_traceback_shows_no_local_variables() -> None:
    assert "hunter2" not in "".join(lines()).replace('deep(\\"hunter2\\")', "")


def test_under_systemd_each_line_carries_its_priority() -> None:
    assert [line[:3] for line in lines(JOURNAL_STREAM="9:1")] == ["<6>", "<4>", "<3>", "<6>"]
