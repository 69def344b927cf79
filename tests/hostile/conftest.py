"""The samples are made by a generator beside the repository; without it none of this is collected."""

import pytest

from tests.shared import HOSTILE

collect_ignore_glob = [] if HOSTILE.is_dir() else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if collect_ignore_glob:
        line = f"not collected: tests/hostile, because there is no {HOSTILE} (IMPEXD_SHARED)"
        terminalreporter.write_line(line)
