"""Instances with real processes; what needs the tools beside the repository is left out without them."""

import pytest

from tests.processes import bare, site
from tests.shared import HOSTILE

__all__ = ["bare", "site"]

collect_ignore = [] if HOSTILE.is_dir() else ["test_syscalls.py", "test_chain.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    for name in collect_ignore:
        line = f"not collected: tests/crash/{name}, because there is no {HOSTILE} (IMPEXD_SHARED)"
        terminalreporter.write_line(line)
