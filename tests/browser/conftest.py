"""One daemon and one browser for all tests of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.site import Site, entered, running

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(site: Site, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of an administrator, who came in by the link of the first start."""
    path = tmp_path_factory.mktemp("browser") / "state.json"
    entered(site, browser, path)
    return path


class Watched:
    """A page whose console is listened to."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda one: self.wrong.append(one.text) if one.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide", "phone"])
def seen(
    request: pytest.FixtureRequest, site: Site, browser: Browser, signed_in: Path
) -> Iterator[Page]:
    """A page of an administrator, wide and light or narrow and dark; its console stays silent."""
    width, theme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=theme,
        storage_state=signed_in,
        base_url=site.url,
        accept_downloads=True,
    )
    context.set_default_timeout(20_000)
    watched = Watched(context)
    yield watched.page
    context.close()
    assert watched.wrong == []
