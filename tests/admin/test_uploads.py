"""Uploads: names that are no names, pieces that do not fit, and a button that is pressed twice."""

import pytest

from tests.admin.conftest import Gate

NAMES = {
    "up": "../items.csv",
    "a-folder": "a/items.csv",
    "the-root": "/etc/passwd",
    "here": ".",
    "above": "..",
    "nul": "items\0.csv",
    "a-line": "items\n.csv",
    "half-a-letter": "items\ud800.csv",
    "long": "i" * 252 + ".csv",
    "hidden": ".items.csv",
    "temporary": "items.csv.part",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
async def test_what_is_no_name_of_a_drop_is_refused_before_a_byte_has_come(
    gate: Gate, name: str
) -> None:
    async with gate.program(await gate.token("operator")) as client:
        told = {"group": "items", "name": name, "bytes": 3}
        try:
            answer = await client.post("/api/v1/uploads", json=told)
        except UnicodeEncodeError:
            body = '{"group": "items", "name": "items\\ud800.csv", "bytes": 3}'
            kind = {"content-type": "application/json"}
            answer = await client.post("/api/v1/uploads", content=body, headers=kind)
        assert answer.status_code in (404, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await client.get("/api/v1/uploads")).json()["uploads"] == []


async def test_a_file_is_taken_once_however_often_the_button_is_pressed(gate: Gate) -> None:
    async with gate.program(await gate.token("operator")) as client:
        data = b"sku;name;price\na;Cup;1\n"
        told = {"group": "items", "name": "items.csv", "bytes": len(data)}
        path = (
            f"/api/v1/uploads/{(await client.post('/api/v1/uploads', json=told)).json()['token']}"
        )
        assert (await client.post(f"{path}/import", json={})).status_code == 404  # not here yet
        assert (await client.put(f"{path}?at=0", content=data)).json()["received"] == len(data)
        first = (await client.post(f"{path}/import", json={})).json()
        second = (await client.post(f"{path}/import", json={})).json()
        assert first["run"] == second["run"]
        assert len((await client.get("/api/v1/runs")).json()["runs"]) == 1


async def test_a_piece_goes_where_the_last_one_ended_and_no_further_than_was_said(
    gate: Gate,
) -> None:
    async with gate.program(await gate.token("operator")) as client:
        told = {"group": "items", "name": "items.csv", "bytes": 6}
        path = (
            f"/api/v1/uploads/{(await client.post('/api/v1/uploads', json=told)).json()['token']}"
        )
        await client.put(f"{path}?at=0", content=b"abc")
        wrong = await client.put(f"{path}?at=1", content=b"bc")
        assert (wrong.status_code, wrong.json()["received"]) == (409, 3)
        assert (await client.put(f"{path}?at=3", content=b"defg")).status_code == 422
        assert (await client.put(f"{path}?at=3", content=b"def")).json()["received"] == 6
