"""Signing in, staying in, and what others try."""

import re
from datetime import timedelta

import httpx2
import pytest

from impexd.admin import links, throttle
from impexd.admin.throttle import TooMany
from tests.admin.conftest import PASSWORD, URL, Gate


async def signed_in(gate: Gate) -> httpx2.AsyncClient:
    """A browser in which Anna is signed in."""
    await gate.setup()
    browser = gate.browser()
    answer = await browser.post("/sign-in", data={"name": "ANNA", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return browser


async def token_of(browser: httpx2.AsyncClient) -> str:
    """The token of the forms of a session."""
    found = re.search(r'name="csrf" content="(\w+)"', (await browser.get("/")).text)
    assert found
    return found[1]


async def test_a_link_is_good_once_and_only_for_a_while(gate: Gate) -> None:
    used = await gate.setup()
    assert await links.found(gate.instance.store, gate.instance.clock, used) is None
    async with gate.local() as local:
        assert (await local.post("/api/v1/setup")).status_code == 404
        made = (await local.post("/api/v1/users", json={"name": "bob"})).json()
    secret = made["link"].partition("#")[2]
    async with gate.browser() as browser:
        weak = {"link": secret, "password": "bobbobbobbob"}
        assert (await browser.post("/welcome", data=weak)).status_code == 422
        good = {"link": secret, "password": PASSWORD}
        assert (await browser.post("/welcome", data=good)).status_code == 303
        assert (await browser.get("/api/v1/me")).json()["name"] == "bob"
        assert (await browser.post("/welcome", data=good)).status_code == 422


async def test_a_session_is_new_ends_and_runs_out(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await signed_in(gate)
    first = browser.cookies["impexd"]
    await browser.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    second = browser.cookies["impexd"]
    assert first != second
    assert await gate.signing.who(first, "") is None  # nobody can have fixed it beforehand
    assert await gate.signing.who(second, "") is not None
    fixed = gate.browser()
    fixed.cookies.set("impexd", "chosen-by-somebody-else")
    await fixed.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert await gate.signing.who("chosen-by-somebody-else", "") is None
    answer = await browser.post("/sign-out", headers={"x-csrf-token": await token_of(browser)})
    assert answer.status_code == 303
    assert await gate.signing.who(second, "") is None
    later = gate.instance.clock.now() + timedelta(minutes=31)
    third = gate.browser()
    await third.post("/sign-in", data={"name": "anna", "password": PASSWORD})

    class Later:
        def __getattr__(self, name: str) -> object:
            return getattr(gate.instance.clock, name)

        def now(self) -> object:
            return later

    monkeypatch.setattr(gate.signing, "clock", Later())
    assert await gate.signing.who(third.cookies["impexd"], "") is None


FORGED = {
    "no token": {"x-csrf-token": ""},
    "another token": {"x-csrf-token": "0" * 40},
    "another origin": {"origin": "https://evil.example"},
    "an origin that is none": {"origin": "null"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("how", FORGED, ids=[name.replace(" ", "-") for name in FORGED])
async def test_a_change_from_elsewhere_is_refused(gate: Gate, how: str) -> None:
    browser = await signed_in(gate)
    good = {"x-csrf-token": await token_of(browser)}
    body = {"group": "items-out"}
    forged = await browser.post("/api/v1/exports", json=body, headers=good | FORGED[how])
    assert forged.status_code == 403
    assert (await browser.post("/api/v1/exports", json=body, headers=good)).status_code == 202
    assert len((await browser.get("/api/v1/runs")).json()["runs"]) == 1


async def test_sign_in_itself_cannot_be_forged(gate: Gate) -> None:
    await gate.setup()
    async with gate.browser(origin="https://evil.example") as browser:
        answer = await browser.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert (answer.status_code, list(answer.cookies)) == (403, [])


async def test_a_foreign_name_for_this_host_is_refused(gate: Gate) -> None:
    async with gate.browser(host="evil.example") as browser:
        assert (await browser.get("/sign-in")).status_code == 421


async def test_guessing_is_slowed_and_the_right_password_still_opens(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    await gate.setup()
    monkeypatch.setattr(throttle.anyio, "sleep", sleep)
    async with gate.browser("192.0.2.1") as browser:
        for n in range(8):
            wrong = await browser.post("/sign-in", data={"name": "anna", "password": f"no {n}"})
            assert wrong.status_code == 401
        assert waited[-5:] == [1.0, 2.0, 4.0, 8.0, 10.0]
        for n in range(12):
            await browser.post("/sign-in", data={"name": f"x{n}", "password": "no"})
        last = await browser.post("/sign-in", data={"name": "y", "password": "no"})
        assert last.status_code == 429
    async with gate.browser("192.0.2.2") as browser:
        right = await browser.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert right.status_code == 303


async def test_who_waits_too_long_in_line_is_turned_away(gate: Gate) -> None:
    account = gate.signing.gate._accounts.setdefault("anna", throttle._Account())
    account.waiting = throttle.QUEUE
    with pytest.raises(TooMany):
        async with gate.signing.gate.trying("anna", "192.0.2.3"):
            pass


async def test_one_is_sent_only_to_our_own_pages(gate: Gate) -> None:
    await gate.setup()
    for target, wanted in {
        "/runs?state=held": "/runs?state=held",
        "//evil.example": "/",
        "/\\evil.example": "/",
        "https://evil.example/": "/",
        "/a\r\nset-cookie: x=y": "/",
    }.items():
        async with gate.browser() as browser:
            said = {"name": "anna", "password": PASSWORD, "next": target}
            answer = await browser.post("/sign-in", data=said)
        assert answer.headers["location"] == wanted


async def test_answers_carry_what_keeps_browsers_safe(gate: Gate) -> None:
    browser = await signed_in(gate)
    for path in ("/", "/sign-in", "/nowhere", "/api/v1/runs"):
        headers = (await browser.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    cookie = (
        await gate.browser().post("/sign-in", data={"name": "anna", "password": PASSWORD})
    ).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert URL not in cookie


@pytest.mark.parametrize(
    "path",
    [
        "/static/0/../../rights.py",
        "/static/0/..%2f..%2frights.py",
        "/static/0/app.css%00",
        "/data/..%2f..",
        "/api/v1/runs/1%2f..%2f2",
        "/api/v1/runs/-1",
        "/api/v1/runs/99999999999999999999999",
        "/api/v1/runs/1/rejects/-1",
        "/groups/%00",
        "/data/item?after=%5B%22%00%22%5D",
    ],
    ids=lambda path: re.sub(r"\W+", "-", path),
)
async def test_tricks_with_paths_lead_nowhere(gate: Gate, path: str) -> None:
    browser = await signed_in(gate)
    assert (await browser.get(path)).status_code in (404, 422)


async def test_who_is_refused_a_page_still_sees_who_they_are(gate: Gate) -> None:
    browser = await signed_in(gate)
    for path, status in {"/nowhere": 404, "/runs/7": 404, "/data/none": 404}.items():
        answer = await browser.get(path, headers={"accept": "text/html"})
        assert (answer.status_code, "anna, admin" in answer.text) == (status, True), path
    async with gate.browser(accept="text/html", host="evil.example") as stranger:
        assert "Sign out" not in (await stranger.get("/")).text
