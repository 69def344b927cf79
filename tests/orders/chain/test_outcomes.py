"""What a partner answers, or does not: done, tried again, unknown, held, a dead letter."""

import json

import pytest

from tests.orders.chain import partners
from tests.orders.chain.called import HTTP, first, paid, sender
from tests.orders.chain.house import House, exporter, order
from tests.peer import answer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("said", "taken", "state"),
    [
        (answer(b"{}", "503 Service Unavailable"), False, "retry"),
        (answer(b"{}", "429 Too Many Requests"), False, "retry"),
        (answer(b"{}", "500 Oops"), True, "unknown"),
        (answer(b"{}", "502 Bad Gateway"), False, "unknown"),
        (None, True, "unknown"),
        (None, False, "unknown"),
    ],
    ids=["503", "429", "500-taken", "502", "dropped-taken", "dropped"],
)
async def test_what_is_not_certain_is_sent_again_with_the_same_key_and_bytes(
    house: House, said: bytes | None, taken: bool, state: str
) -> None:
    async with partners.http(first(said, taken=taken)) as erp:
        await paid(house, sender(erp.url))
        task = await house.task("erp")
        assert (task["state"], task["maybe"]) == (state, state == "unknown")
        house.clock.tick(3600)
        await house.turn()
        assert (await house.task("erp"))["state"] == "done"
        assert len(erp.asked) == 2
        assert len({(h["idempotency-key"], body) for _, h, body in erp.asked}) == 1
        assert len(erp.effects) == 1


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (answer(b'{"error": "no such article"}', "422 Unprocessable"), "failed", "no such article"),
        (answer(b"", "302 Found", Location="http://127.0.0.1/"), "failed", "not followed"),
        (answer(b"{}", "409 Conflict"), "held", "key is known for something else"),
        (answer(b"<html>maintenance</html>"), "held", "no JSON"),
        (answer(b'{"ok": false}'), "held", "not as agreed"),
        (answer(b'{"ok": true}'), "held", "without its reference"),
    ],
    ids=["422", "302", "409", "html", "not-ok", "no-ref"],
)
async def test_what_a_person_must_see_is_not_repeated(
    house: House, said: bytes, state: str, words: str
) -> None:
    async with partners.http(lambda *_: said) as erp:
        await paid(house, sender(erp.url))
        house.clock.tick(3600)
        await house.turn()
        task = await house.task("erp")
        assert task["state"] == state
        assert words in task["reason"]
        assert len(erp.asked) == 1


async def test_an_unknown_outcome_is_held_where_that_is_said(house: House) -> None:
    async with partners.http(first(None, taken=True), honours=False) as erp:
        await paid(house, sender(erp.url, on_unknown="hold"))
        house.clock.tick(3600)
        await house.turn()
        task = await house.task("erp")
        assert (task["state"], task["maybe"]) == ("held", True)
        assert "it may have arrived" in task["reason"]
        await house.decide("release", task["id"], arrived=True, note="they have it as R-1")
        await house.turn()
        assert (await house.task("erp"))["state"] == "done"
        assert (len(erp.asked), len(erp.effects)) == (1, 1)


async def test_what_a_person_releases_is_sent_again_though_it_may_have_arrived(
    house: House,
) -> None:
    async with partners.http(first(None, taken=False), honours=False) as erp:
        await paid(house, sender(erp.url, on_unknown="hold"))
        held = await house.task("erp")
        assert held["state"] == "held"
        await house.decide("release", held["id"], note="they have nothing of it")
        await house.turn()
        task = await house.task("erp")
        assert (task["state"], task["key"]) == ("done", held["key"])
        assert (len(erp.asked), len(erp.effects)) == (2, 1)


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not-taken"])
async def test_the_partner_is_asked_whether_it_has_it(house: House, taken: bool) -> None:
    asked = '\n[http.ask]\nurl = "{url}/known/{{key}}"\nref = "ref"\n'

    def behave(partner: partners.Partner, headers: dict[str, str], body: str) -> bytes | None:
        if partner.asked[-1][0].startswith("GET"):
            if headers["idempotency-key"] in partner.known:
                return answer(b'{"ref": "R-7"}')
            return answer(b"{}", "404 Not Found")
        if len(partner.asked) == 1:
            if taken:
                partner.take(headers, body)
            return None
        return partner.take(headers, body)

    async with partners.http(behave, honours=False) as erp:
        text = exporter(
            "http",
            "INITPAID",
            HTTP.format(url=erp.url) + asked.format(url=erp.url),
            on_unknown="ask",
        )
        await paid(house, text)
        assert (await house.task("erp"))["state"] == "unknown"
        house.clock.tick(3600)
        await house.turn()
        task = await house.task("erp")
        assert (task["state"], task["ref"]) == ("done", "R-7" if taken else "R-1")
        assert len(erp.effects) == 1


async def test_a_key_the_partner_may_have_forgotten_is_not_sent_again(house: House) -> None:
    async with partners.http(lambda *_: None) as erp:
        await paid(house, sender(erp.url, key_kept="2 h"))
        house.clock.tick(2 * 3600 + 60)
        await house.turn()
        task = await house.task("erp")
        assert task["state"] == "held"
        assert "may have forgotten the key" in task["reason"]
        assert len(erp.asked) == 1


async def test_what_is_too_old_goes_to_the_dead_letters_and_can_be_let_go_on(house: House) -> None:
    busy = answer(b"{}", "503 Service Unavailable")
    async with partners.http(lambda *_: busy) as erp:
        await paid(house, sender(erp.url, max_age="1 d"))
        house.clock.tick(86_400 + 60)
        await house.turn()
        task = await house.task("erp")
        assert task["state"] == "failed"
        assert "not done within 1 d" in task["reason"]
        erp.behave = None
        await house.decide("release", task["id"])
        await house.turn()
        again = await house.task("erp")
        assert (again["state"], again["key"]) == ("done", task["key"])


async def test_sending_anew_is_another_event_with_a_key_of_its_own(house: House) -> None:
    async with partners.http() as erp:
        await house.fresh(erp=sender(erp.url, next="TOLD"), after=exporter("file", "TOLD"))
        await house.put(order())
        await house.flag("1001", "INITPAID")
        await house.turn()
        old = await house.task("erp")
        made = await house.decide("resend", old["id"], note="they have lost it")
        await house.turn()
        new = await house.task("erp")
        assert (new["id"], new["generation"], new["state"]) == (made["id"], 2, "done")
        assert new["key"] != old["key"]
        assert len(erp.effects) == 2
        # What follows has been told already.
        assert len(await house.tasks(exporter="after")) == 1


async def test_what_people_do_is_kept_with_name_and_note(house: House) -> None:
    busy = answer(b"{}", "503 Service Unavailable")
    async with partners.http(lambda *_: busy) as erp:
        await paid(house, sender(erp.url))
        id = (await house.task("erp"))["id"]
        await house.decide("hold", id, note="their stock-taking")
        house.clock.tick(3600)
        await house.turn()
        assert len(erp.asked) == 1
        assert "held" in await house.refused(f"/api/v1/tasks/{id}/hold", note="again")
        assert "note" in await house.refused(f"/api/v1/tasks/{id}/release", actor="anna")
        await house.decide("skip", id, note="told by phone")
        found = await house.place.asked.get(f"/api/v1/tasks/{id}")
    journal = [(one["to_state"], one["actor"], one["note"]) for one in found["journal"]]
    assert journal == [
        ("ready", None, None),
        ("retry", None, None),
        ("held", "anna", "their stock-taking"),
        ("skipped", "anna", "told by phone"),
    ]
    assert json.loads(found["body"])["order"]["number"] == "1"
