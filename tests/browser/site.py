"""A daemon with its pages, and a browser to look at them with."""

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.processes import until

PASSWORD = "correct horse battery staple"
WORDS = """
kind = "map"
[message]
order = "order_number"
status = "status"
at = "happened"
[status]
label = "note"
"""
"""What a courier's words mean."""
ETC = {
    "impexd.toml": '[admin]\nlisten = "127.0.0.1:0"\nedit = true\n[daemon]\nworkers = 2\n',
    "entities/shop.toml": """
[entity.item]
key = ["sku"]
[entity.item.field]
sku = { max = 40 }
name = { null = true }
price = { type = "decimal", scale = 2, null = true }
""",
    "descriptors/items.toml": """
entity = "item"
[file]
match = 'items.*\\.csv'
delimiter = ";"
[[column]]
from = "sku"
to = "sku"
[[column]]
from = "name"
to = "name"
[[column]]
from = "price"
to = "price"
""",
    "descriptors/items-out.toml": """
[query]
entity = "item"
[[column]]
from = "sku"
to = "sku"
[[column]]
from = "price"
to = "price"
""",
    "groups/items.toml": """
kind = "import"
label = "Items of the shop"
descriptors = ["items"]
[inbox]
settle = 0.1
[guard]
max_deletes = 0
""",
    "groups/guarded.toml": """
kind = "import"
descriptors = ["items"]
[guard]
max_changes = 0
""",
    "exporters/approval.toml": 'type = "hold"\nflags = ["INITPAID"]\nnext = "APPROVED"\n[hold]\n',
    "feeds/lists.toml": 'kind = "folder"\nmap = "words"\ngroup = "courier"\n',
    "feeds/words.toml": WORDS,
    "entities/couriers.toml": """
[entity.said]
key = ["id"]
[entity.said.field]
id = {}
order_number = { null = true }
status = { null = true }
happened = { null = true }
""",
    "descriptors/courier.toml": """
entity = "said"
service = "messages"
[file]
match = 'courier.*\\.csv'
delimiter = ";"
[[column]]
template = "{order}/{status}"
to = "id"
[[column]]
from = "order"
to = "order_number"
[[column]]
from = "status"
to = "status"
[[column]]
from = "date"
to = "happened"
""",
    "groups/courier.toml": 'kind = "import"\ndescriptors = ["courier"]\n[inbox]\nsettle = 0.1\n',
    "groups/items-out.toml": 'kind = "export"\ndescriptors = ["items-out"]\nevery = "6 h"\n',
}


def rows(lines: Sequence[str]) -> bytes:
    """A file of items."""
    return "\n".join(["sku;name;price", *lines, ""]).encode()


def zipped(**files: bytes) -> bytes:
    """An archive; names with `.csv` left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.csv", data)
    return out.getvalue()


@dataclass
class Site:
    """A daemon with its pages."""

    home: Path
    log: Path
    pid: int

    def found(self, pattern: str) -> str:
        """What the log says, as soon as it does."""

        def look() -> str:
            match = re.search(pattern, self.log.read_text("utf-8", "replace"))
            return match[1] if match else ""

        return until(look, pattern)

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.found(r'"url": "(http://[^"]+)"')

    @property
    def setup(self) -> str:
        """The link of the first start."""
        return self.found(r'"open": "(http://[^"]+)"')

    def impexd(self, *words: str) -> str:
        """Run a command on it."""
        command = [sys.executable, "-m", "impexd", "--config", str(self.home / "etc"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    def token(self, role: str) -> str:
        """Make an account of a role, and a token of it."""
        self.impexd("user", "add", role, "--role", role)
        made = self.impexd("user", "token", role, "--label", "program", "--role", role)
        return next(word for word in made.split() if word.startswith("impexd_"))


@contextmanager
def running(home: Path) -> Iterator[Site]:
    """Have a daemon run on an instance of its own."""
    for name, text in ETC.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = home / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "impexd", "--config", str(home / "etc"), "run"]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            site = Site(home, log, process.pid)
            site.found(r'("event": "pages open")')
            yield site
        finally:
            process.terminate()
            assert process.wait(60) == 0, log.read_text("utf-8", "replace")


def entered(site: Site, browser: Browser, keep: Path) -> None:
    """Make the first administrator, and keep the cookies."""
    page = browser.new_page()
    page.goto(site.setup)
    page.get_by_label("Name").fill("Anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="All is well").wait_for()
    page.context.storage_state(path=keep)
    page.close()
