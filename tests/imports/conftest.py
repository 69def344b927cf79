"""The real catalogue lies beside the repository; what needs it is left out without it."""

import pytest

from tests.shared import SHARED

CATALOGUE = SHARED / "data" / "icecat" / "catalogue.zip"

collect_ignore = [] if CATALOGUE.exists() else ["test_describe_catalogue.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    for name in collect_ignore:
        line = (
            f"not collected: tests/imports/{name}, because there is no {CATALOGUE} (IMPEXD_SHARED)"
        )
        terminalreporter.write_line(line)
