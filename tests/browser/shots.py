"""
A picture of every page: wide and narrow, light and dark, with something in it and empty.

    python -m tests.browser.shots FOLDER [PART OF A NAME]

To be looked at by people: what a program can judge, `test_pages` does.
"""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.site import ETC, Site, entered, rows, running, zipped
from tests.processes import until

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
MORE = {
    "groups/nightly.toml": """
kind = "import"
label = "Prices, every night"
descriptors = ["items"]
[inbox]
schedule = "0 3 * * *"
[guard]
max_changes = 100
""",
    "feeds/parcels.toml": """
kind = "rest"
map = "words"
url = "https://courier.example/v1/events"
every = "10 min"
""",
}
EMPTY = (
    "/",
    "/import",
    "/runs",
    "/export",
    "/schedule",
    "/groups",
    "/data",
    "/data/item",
    "/orders",
    "/feeds",
    "/partners",
    "/settings",
    "/nowhere",
)


def sent(page: Page, group: str, name: str, data: bytes, button: str) -> str:
    """Send a file; gives the path of its run."""
    page.goto(f"/import?group={group}")
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": data}]
    )
    page.get_by_role("button", name=button).click()
    page.wait_for_url(re.compile(r"/runs/\d+"))
    return "/" + page.url.split("/", 3)[3]


def asked(page: Page, site: Site, path: str, told: object) -> None:
    """Ask the API, as a page does."""
    page.goto("/")
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    headers = {"x-csrf-token": token, "origin": site.url}
    answer = page.request.post(path, data=told, headers=headers)
    assert answer.ok, answer.text()


def filled(site: Site, page: Page) -> dict[str, str]:
    """Have something of everything; gives the pages of what there is."""
    good = [f"CUP-{n:04d};Cup number {n}, stoneware, {n % 40} cl;{n}.50" for n in range(400)]
    sent(page, "items", "items-2026-11.csv", rows(good), "Send and import")
    changed = [f"CUP-{n:04d};Cup number {n}, porcelain;{n}.75" for n in range(80)]
    bad = ["POT-1;Pot;much", "POT-2;Pot;1.234", ";Lid;2"]
    names = {
        "plan": sent(
            page,
            "items",
            "changed.zip",
            zipped(items=rows([*changed, *bad])),
            "Send, and show the plan",
        ),
        "rejected": sent(
            page, "items", "items-bad.csv", rows([*changed[:5], *bad]), "Send and import"
        ),
        "held": sent(
            page,
            "guarded",
            "items-held.csv",
            rows([f"CUP-{n:04d};Cup;9" for n in range(30)]),
            "Send and import",
        ),
    }
    for n, shop in enumerate(("north", "south", "north")):
        lines = [
            {"ref": "1", "sku": "CUP-0001", "name": "Cup number 1", "quantity": "2"},
            {"ref": "2", "sku": "CUP-0002", "name": "Cup number 2", "quantity": "1"},
        ]
        order = {
            "number": f"2026-{n}",
            "shop": shop,
            "customer": {"email": f"anna{n}@example.org"},
            "currency": "EUR",
            "total": "24.50",
            "payment": {"method": "transfer"},
            "lines": lines,
        }
        asked(page, site, "/api/v1/orders", {"orders": [order]})
    for n in (0, 1):
        asked(page, site, f"/api/v1/orders/2026-{n}/events", {"event": "payment_confirmed"})
    said = "order;status;date\n2026-0;label;yesterday\nX-9;label;2026-11-01T08:00:00Z\n"
    sent(page, "courier", "courier.csv", said.encode(), "Send and import")
    asked(page, site, "/api/v1/exports", {"group": "items-out"})
    asked(page, site, "/api/v1/users", {"name": "bob", "role": "operator", "groups": ["items"]})
    asked(page, site, "/api/v1/tokens", {"name": "nightly script", "role": "viewer"})
    for path in ("/messages/1", "/tasks/1", "/tasks/2"):
        until(lambda path=path: page.goto(path).status == 200, path)  # type: ignore[misc, union-attr]
    until(lambda: "held" in page.goto(names["held"]).text(), "a held run")  # type: ignore[union-attr]
    asked(page, site, "/api/v1/tasks/2/release", {"note": "looked at it"})
    return names


def taken(page: Page, folder: Path, name: str, path: str) -> None:
    """Take a picture of a whole page, in both themes."""
    page.goto(path)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_timeout(60)
        width = (page.viewport_size or {})["width"]
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)


def named(path: str) -> str:
    """Pure: what a picture of a path is called."""
    return re.sub(r"\W+", "-", path).strip("-") or "overview"


def main() -> None:
    folder, only = Path(sys.argv[1]), sys.argv[2] if sys.argv[2:] else ""
    folder.mkdir(parents=True, exist_ok=True)
    ETC.update(MORE)
    with (
        tempfile.TemporaryDirectory() as home,
        running(Path(home)) as site,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 844}, base_url=site.url)
            taken(page, folder, "sign-in", "/sign-in")
            taken(page, folder, "welcome", "/welcome")
        entered(site, browser, keep := Path(home) / "cookies.json")
        pages = [
            browser.new_page(
                viewport={"width": width, "height": 844}, base_url=site.url, storage_state=keep
            )
            for width in WIDTHS
        ]
        for page in pages:
            for path in EMPTY:
                if only in f"empty-{named(path)}":
                    taken(page, folder, f"empty-{named(path)}", path)
        names = filled(site, pages[0])
        paths = {
            **{named(path): path for path in EMPTY},
            "run-planned": names["plan"],
            "plan": f"{names['plan']}/plan",
            "run-rejects": names["rejected"],
            "problems": f"{names['rejected']}/problems",
            "run-held": names["held"],
            "undo": "/runs/1/undo",
            "run": "/runs/1",
            "import-group": "/import?group=items",
            "export-group": "/export?group=items-out",
            "group": "/groups/items",
            "file": "/files/descriptors/items.toml",
            "sample": "/sample",
            "data-item": "/data/item",
            "record": "/data/item/record?key=CUP-0001",
            "order": "/orders/2026-0",
            "order-waiting": "/orders/2026-2",
            "message": "/messages/1",
            "task-held": "/tasks/1",
            "task-done": "/tasks/2",
            "partners-held": "/partners?state=held",
            "feeds-dead": "/feeds?state=dead",
        }
        for page in pages:
            for name, path in paths.items():
                if only in name:
                    taken(page, folder, name, path)
        browser.close()


if __name__ == "__main__":
    main()
