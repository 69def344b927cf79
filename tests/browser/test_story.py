"""What a person does, from the upload to the undo, watched by a browser."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.site import Site, rows, zipped

WAIT = 20_000


def chosen(page: Page, name: str, data: bytes) -> None:
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": data}]
    )


def state(page: Page, wanted: str) -> None:
    expect(page.locator("h1 + .mark")).to_have_text(wanted, timeout=WAIT)


def sku(page: Page, n: int) -> str:
    """A key that the other width has not."""
    width = (page.viewport_size or {})["width"]
    return f"{width}-{n}"


def test_upload_plan_apply_mend_undo(seen: Page, tmp_path: Path) -> None:
    good = [f"{sku(seen, n)};Cup {n};1.50" for n in range(20)]
    bad = f"{sku(seen, 99)};Pot;much"
    seen.goto("/import?group=items")
    chosen(seen, "items.zip", zipped(items=rows([*good, bad])))
    seen.get_by_text("an archive: each file in it").wait_for()
    seen.get_by_role("button", name="Send, and show the plan").click()
    state(seen, "planned")
    seen.get_by_role("link", name="Plan: old and new values").click()
    expect(seen.locator("tbody tr")).to_have_count(20)
    seen.get_by_label("Search").fill(sku(seen, 7))
    expect(seen.locator("tbody tr")).to_have_count(1, timeout=WAIT)
    seen.locator(".crumbs a").click()
    seen.get_by_role("button", name="Import it now").click()
    state(seen, "archived")
    first = seen.url
    assert "much" in seen.get_by_role("region", name="Problems", exact=True).inner_text()

    with seen.expect_download() as download:
        seen.get_by_role("link", name=re.compile("rejects")).click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    mended = saved.read_text().replace("much", "7.25")
    chosen(seen, saved.name, mended.encode())
    seen.get_by_role("button", name="Send them back").click()
    seen.wait_for_url(lambda url: url != first)
    state(seen, "archived")
    expect(seen.get_by_role("link", name=f"run {first.rpartition('/')[2]}")).to_be_visible()

    seen.goto("/data/item")
    seen.get_by_label("sku begins with").fill(sku(seen, 99))
    expect(seen.locator("tbody tr")).to_have_count(1, timeout=WAIT)
    assert "7.25" in seen.locator("tbody").inner_text()

    seen.goto(first)
    seen.get_by_role("link", name="Undo ...").click()
    seen.get_by_label("Why").fill("a try")
    seen.get_by_role("button", name="Undo it").click()
    state(seen, "archived")
    seen.goto(first)
    state(seen, "undone")


def test_held_is_approved(seen: Page) -> None:
    seen.goto("/import?group=guarded")
    chosen(seen, "items.csv", rows([f"{sku(seen, 1000)};Lid;2"]))
    seen.get_by_role("button", name="Send and import").click()
    state(seen, "held")
    seen.get_by_label("Note").fill("looked at it")
    seen.get_by_role("button", name="Approve").click()
    state(seen, "archived")
    assert "looked at it" in seen.locator("main").inner_text()


def test_an_export_is_made_and_downloaded(seen: Page) -> None:
    seen.goto("/export?group=items-out")
    seen.get_by_role("button", name="Export items-out").click()
    state(seen, "published")
    with seen.expect_download() as download:
        seen.get_by_role("link", name="Download the file").click()
    assert download.value.suggested_filename.startswith("items-out-")


def test_a_run_goes_on_under_a_reload_and_is_cancelled(seen: Page, site: Site) -> None:
    seen.goto("/import?group=items")
    chosen(seen, "items-big.csv", rows([f"big-{sku(seen, n)};x;1" for n in range(400_000)]))
    seen.get_by_role("button", name="Send and import").click()
    seen.wait_for_url(re.compile(r"/runs/\d+"))
    expect(seen.locator("[data-live]")).to_contain_text("rows", timeout=WAIT)
    seen.reload()
    before = seen.locator("[data-live]").inner_text()
    expect(seen.locator("[data-live]")).not_to_have_text(before, timeout=WAIT)
    seen.get_by_text("Cancel ...").click()
    seen.get_by_role("button", name=re.compile("Cancel run")).click()
    state(seen, "cancelled")
    assert site.impexd("runs", "--state", "cancelled", "--json").count('"cancelled"') >= 1
