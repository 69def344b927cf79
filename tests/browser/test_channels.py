"""Orders, feeds, uploads cut off and files of etc/, as people see to them."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser.site import WORDS, Site, rows
from tests.browser.test_story import WAIT, chosen, sku, state
from tests.processes import until

MARK = "h1 + .mark"


def placed(page: Page, site: Site, number: str) -> None:
    """Place an order, which waits for its payment."""
    page.goto("/")
    lines = [{"ref": "1", "sku": "A", "quantity": "1"}]
    told = {"orders": [{"number": number, "payment": {"method": "transfer"}, "lines": lines}]}
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    headers = {"x-csrf-token": token, "origin": site.url}
    made = page.request.post("/api/v1/orders", data=told, headers=headers)
    assert made.status == 201, made.text()


def paid(page: Page, number: str) -> None:
    page.goto(f"/orders/{number}")
    page.get_by_text("What may happen now").click()
    page.get_by_label("Note for payment confirmed").fill("money is here")
    page.get_by_role("button", name="Payment confirmed").click()
    expect(page.locator(MARK)).to_have_text("in progress", timeout=WAIT)


def seen_as(page: Page, look: Callable[[], bool], what: str) -> None:
    """Load the page again until it shows something."""

    def again() -> bool:
        page.reload()
        return look()

    until(again, what)


def test_an_order_that_was_paid_waits_for_a_person_who_approves_it(seen: Page, site: Site) -> None:
    number = sku(seen, 1)
    placed(seen, site, number)
    paid(seen, number)
    region = seen.get_by_role("region", name="Who was told, and who was not")
    seen_as(seen, lambda: region.get_by_text("held").count() == 1, "a task that is held")
    region.get_by_role("link", name="approval").click()
    state(seen, "held")
    seen.get_by_label("Note").first.fill("looked at it")
    seen.get_by_role("button", name="Approve: send it").click()
    state(seen, "done")
    assert "looked at it" in seen.get_by_role("region", name="What happened").inner_text()


def test_an_order_whose_delivery_is_in_trouble_stands_first(seen: Page, site: Site) -> None:
    number = sku(seen, 3)
    placed(seen, site, number)
    paid(seen, number)
    seen.get_by_text("What may happen to it").click()
    seen.get_by_label("Note for fail").fill("the parcel is lost")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Fail", exact=True).click()
    assert "the parcel is lost" in seen.get_by_role("region", name="How it got here").inner_text()
    seen.goto("/orders")
    first = seen.get_by_role("region", name="To be decided, or in trouble")
    expect(first.get_by_role("link", name=number, exact=True)).to_be_visible()
    seen.get_by_label("A delivery is").select_option("attention")
    row = seen.get_by_role("region", name="Orders", exact=True).get_by_role("row", name=number)
    expect(row).to_be_visible()


def test_a_dead_letter_is_tried_again_when_its_map_is_mended(seen: Page, site: Site) -> None:
    number, words = sku(seen, 2), site.home / "etc" / "feeds" / "words.toml"
    words.write_text(WORDS)
    site.impexd("reload")
    placed(seen, site, number)
    seen.goto("/import?group=courier")
    chosen(seen, "courier.csv", f"order;status;date\n{number};label;yesterday\n".encode())
    seen.get_by_role("button", name="Send and import").click()
    state(seen, "archived")
    seen.goto("/feeds?state=dead")
    row = seen.get_by_role("row", name="yesterday is no moment")
    link = row.get_by_role("link").first
    seen_as(seen, lambda: link.count() == 1, "a dead letter")
    link.click()
    state(seen, "dead")
    assert "yesterday is no moment" in seen.locator("main").inner_text()
    assert (
        f'"order_number": "{number}"' in seen.get_by_role("region", name="As it came").inner_text()
    )

    words.write_text(WORDS.replace('at = "happened"\n', ""))
    site.impexd("reload")
    seen.get_by_label("Why").fill("the map is mended")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Try it again").click()
    seen_as(seen, lambda: seen.locator(MARK).inner_text() == "noted", "a message that was noted")
    assert "the map is mended" in seen.locator("main").inner_text()


def test_an_upload_cut_half_way_goes_on_when_the_file_is_chosen_again(
    seen: Page, site: Site, tmp_path: Path
) -> None:
    file, uploads = tmp_path / "items-cut.csv", site.home / "var" / "uploads"
    file.write_bytes(rows([f"cut-{sku(seen, n)};{'x' * 90};1" for n in range(85_000)]))
    piece, began = 8 << 20, list[str]()

    def cut(route: Route) -> None:
        """Let the first piece through, and nothing after it."""
        if route.request.method == "PUT":
            began.append(route.request.url.rpartition("=")[2])
            if began[-1] != "0":
                return
        route.continue_()

    seen.goto("/import?group=items")
    seen.route("**/api/v1/uploads/**", cut)
    seen.locator("input[type=file]").set_input_files(file)
    with seen.expect_request(lambda one: one.url.endswith(f"at={piece}")):
        seen.get_by_role("button", name="Send, and show the plan").click()
    seen.goto("/import?group=items")
    assert "8.0 MiB of" in seen.get_by_role("region", name="Not finished").inner_text()
    assert [path.stat().st_size for path in uploads.iterdir()] == [piece]

    seen.unroute("**/api/v1/uploads/**")
    again = list[str]()
    seen.on("request", lambda one: again.append(one.url) if one.method == "PUT" else None)
    seen.locator("input[type=file]").set_input_files(file)
    seen.get_by_role("button", name="Send, and show the plan").click()
    state(seen, "planned")
    assert [url.rpartition("=")[2] for url in again] == [str(piece)]
    assert list(uploads.iterdir()) == []


def test_a_descriptor_is_saved_and_what_it_said_before_is_kept(seen: Page, site: Site) -> None:
    etc = site.home / "etc"
    before = (etc / "descriptors" / "items.toml").read_text()
    kept = set(etc.glob(".previous/*"))
    seen.goto("/files/descriptors/items.toml")
    seen.get_by_text("Edit", exact=True).click()
    area = seen.get_by_label("descriptors/items.toml")
    area.fill(f"{before}# {sku(seen, 0)}\n")
    seen.get_by_role("button", name="Save, and take it").click()
    expect(seen.locator("[role=status].said")).to_have_text("saved, and in force")
    assert (etc / "descriptors" / "items.toml").read_text().endswith(f"# {sku(seen, 0)}\n")
    (new,) = set(etc.glob(".previous/*")) - kept
    assert new.read_text() == before
