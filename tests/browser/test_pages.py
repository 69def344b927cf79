"""Every page, at both widths: readable by everybody, no wider than the screen, and nothing runs that is not ours."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watched
from tests.browser.site import PASSWORD, Site, rows
from tests.browser.test_channels import paid
from tests.browser.test_story import chosen, state
from tests.processes import until

NASTY = "<img src=x onerror=alert(1)>"
PAGES = (
    "/",
    "/import?group=items",
    "/runs",
    "/runs/1",
    "/runs/1/plan",
    "/runs/1/problems",
    "/runs/2/undo",
    "/export?group=items-out",
    "/schedule",
    "/groups",
    "/groups/items",
    "/files/descriptors/items.toml",
    "/sample",
    "/data",
    "/data/item",
    "/data/item/record?key=nasty-1",
    "/orders",
    "/orders/A-1",
    "/feeds",
    "/messages/1",
    "/partners",
    "/tasks/1",
    "/settings",
)
ASSETS = 100_000
"""Bytes of our own that a page may bring."""


@pytest.fixture(scope="module")
def filled(site: Site, browser: Browser, signed_in: Path) -> None:
    """Two runs with names, cells and notes that would be scripts elsewhere, and an order."""
    page = browser.new_page(storage_state=signed_in, base_url=site.url)
    data = rows([f"nasty-1;{NASTY};1", f"nasty-2;<script>alert(1)</script>;{NASTY}"])
    for button in ("Send, and show the plan", "Send and import"):
        page.goto("/import?group=items")
        chosen(page, f"items{NASTY}.csv", data)
        page.get_by_label("Note").fill(NASTY)
        page.get_by_role("button", name=button).click()
        state(page, "planned" if "plan" in button else "archived")
    told = {
        "orders": [
            {
                "number": "A-1",
                "shop": NASTY,
                "payment": {"method": "transfer"},
                "lines": [{"ref": "1", "sku": "nasty-1", "name": NASTY, "quantity": "1"}],
            }
        ]
    }
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    headers = {"x-csrf-token": token, "origin": site.url}
    placed = page.request.post("/api/v1/orders", data=told, headers=headers)
    assert placed.status == 201, placed.text()
    paid(page, "A-1")
    page.goto("/import?group=courier")
    chosen(page, "courier.csv", f"order;status;date\nA-1;{NASTY};today\n".encode())
    page.get_by_role("button", name="Send and import").click()
    state(page, "archived")
    for path in ("/messages/1", "/tasks/1"):
        until(lambda path=path: page.goto(path).status == 200, path)
    page.context.close()


@pytest.mark.usefixtures("filled")
def test_every_page_is_for_everybody(seen: Page) -> None:
    axe, wrong = Axe(), []
    bytes_of: dict[str, int] = {}
    seen.on(
        "response",
        lambda one: bytes_of.__setitem__(one.url, int(one.headers.get("content-length", 0))),
    )
    seen.on("dialog", lambda one: wrong.append(("a script ran", one.message)))
    for path in PAGES:
        seen.goto(path)
        found = axe.run(seen)
        wrong += [
            (path, one["id"], one["nodes"][0]["html"])
            for one in found.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        over = seen.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wrong.append((path, "is too wide", str(over)))
    assert wrong == []
    assert sum(size for url, size in bytes_of.items() if "/static/" in url) < ASSETS


def test_a_descriptor_comes_from_a_sample(seen: Page) -> None:
    seen.goto("/sample")
    chosen(seen, "cups.csv", b"code;label;weight\nA-1;Cup;1.5\nA-2;Pot;2.25\n")
    seen.get_by_role("button", name="Describe it").click()
    area = seen.locator("textarea[data-file^=descriptors]")
    said = area.input_value()
    area.fill(said.replace("entity = ", "entitee = "))
    seen.get_by_role("button", name="Check").click()
    expect(seen.locator("[role=status]").last).to_contain_text("entitee")
    area.fill(said)
    seen.get_by_role("button", name="Try it on the sample").click()
    state(seen, "planned")
    assert "2" in seen.locator(".tiles").inner_text()


@pytest.mark.usefixtures("filled")
def test_the_menu_is_reached_by_keyboard(seen: Page) -> None:
    seen.goto("/")
    seen.keyboard.press("Tab")
    expect(seen.locator(".skip")).to_be_focused()
    seen.keyboard.press("Enter")
    expect(seen.locator("main")).to_be_focused()


def test_somebody_invited_chooses_a_password_and_comes_again(seen: Page, site: Site) -> None:
    name = f"bob-{(seen.viewport_size or {})['width']}"
    link = re.search(r"http://\S+/welcome#\S+", site.impexd("user", "add", name))
    assert link
    seen.context.clear_cookies()
    seen.goto(link[0])
    assert "#" not in seen.url  # the secret is in no address that a browser remembers
    seen.get_by_label("Password").fill(PASSWORD)
    seen.get_by_role("button", name="Go on").click()
    menu = seen.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()
    expect(seen.get_by_text(f"{name}, viewer")).to_be_visible()
    expect(seen.get_by_role("link", name="Import", exact=True)).to_have_count(0)
    seen.get_by_role("button", name="Sign out").click()
    seen.get_by_label("Name").fill(name.upper())
    seen.get_by_label("Password").fill(PASSWORD)
    seen.get_by_role("button", name="Sign in").click()
    expect(seen.get_by_role("heading", level=1)).not_to_have_text("Sign in")


def test_what_the_policy_stops_is_seen_by_these_tests(
    site: Site, browser: Browser, signed_in: Path
) -> None:
    watched = Watched(browser.new_context(storage_state=signed_in, base_url=site.url))
    watched.page.goto("/settings")
    assert watched.wrong == []
    watched.page.evaluate("document.body.innerHTML = '<img src=x onerror=alert(1)>'")
    until(lambda: watched.page.title() and watched.wrong, "a word on the console")
    assert "Content Security Policy" in " ".join(watched.wrong)
    watched.page.context.close()
