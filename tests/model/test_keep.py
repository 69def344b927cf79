"""For how long a run can be undone: said in days, or told to be wrong with its line."""

from pathlib import Path

import pytest

from impexd import config
from tests import etc


def test_a_run_can_be_undone_for_two_weeks_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    assert config.load(etc.write(tmp_path)).instance.keep.undo == 14
    said = etc.write(tmp_path, {etc.MAIN: "[keep]\nundo = 0\n"})
    assert config.load(said).instance.keep.undo == 0


@pytest.mark.parametrize("value", ["-1", '"14 days"', "1.5", "40000", "true"])
def test_days_that_are_none_are_told(tmp_path: Path, value: str) -> None:
    text = f"[keep]\nundo = {value}  # here\n"
    said = etc.mistakes(etc.write(tmp_path, {etc.MAIN: text}))
    etc.told(said, etc.MAIN, text, "keep.undo", [])
