"""The demo, as the README's first command runs it."""

import subprocess
import sys
from pathlib import Path


def test_the_demo_shows_an_import_an_export_and_an_order_that_comes_and_goes(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "impexd", "demo", "--folder", str(tmp_path / "shop")]
    done = subprocess.run([*command, "--rows", "50"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for told in ("(published)", "DEMO-1: completed", "told 2 times", "impexd.db", "bad_value"):
        assert told in done.stdout
