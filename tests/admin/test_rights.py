"""Who may use which route: every route, asked by everybody."""

import re

import httpx2
from sqlalchemy import func, insert, select

from impexd.admin import rights
from impexd.admin.rights import Rule, Scope
from impexd.model.people import Role
from impexd.store import schema
from impexd.store.schema import orders, tasks
from tests.admin.conftest import Gate

SCOPED = (Scope.GROUP, Scope.NAME, Scope.RUN)
FILLED = {
    "id": "1",
    "group": "items",
    "name": "export:items-out",
    "entity": "item",
    "token": "0" * 32,
    "n": "0",
    "hash": "0",
    "folder": "groups",
}
BODIES = {
    "/api/v1/imports": {"group": "items", "path": "/nowhere"},
    "/api/v1/exports": {"group": "items-out"},
    "/api/v1/files/try": {"changed": {"groups/x.toml": ""}, "upload": "x", "group": "items"},
    "/api/v1/uploads": {"group": "items", "name": "items.csv", "bytes": 3},
}


def path(rule: Rule) -> str:
    if rule.path.endswith("/end"):  # else it would end the session that asks
        return rule.path.replace("{id}", "999")
    found = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: FILLED[match[1]], rule.path)
    return found.replace("/data/item/record", "/data/item/record?key=none")


async def asked(client: httpx2.AsyncClient, rule: Rule) -> int:
    body = BODIES.get(rule.path, {"note": "x"} if rule.method != "GET" else None)
    answer = await client.request(rule.method, path(rule), json=body)
    return answer.status_code


async def run_of_items(gate: Gate) -> None:
    """A run that is over: number 1, of the group items."""
    async with gate.instance.store.writing() as tx:
        await tx.execute(
            insert(schema.run).values(
                id=1,
                token="t",
                kind="import",
                group_name="items",
                state="cancelled",
                origin="upload",
                name="items.csv",
                place="failed/x/items.csv",
                created="2026-01-01T00:00:00.000Z",
            )
        )


async def test_every_route_is_for_whom_its_rule_says(gate: Gate) -> None:
    await run_of_items(gate)
    wrong = []
    for role in (None, *Role):
        token = await gate.token(role.value) if role else ""
        client = gate.program(token) if role else gate.browser()
        async with client:
            for rule in rights.RULES:
                status = await asked(client, rule)
                if rule.least is None:
                    good = status != 403 and (status != 401 or rule.path == "/sign-in")
                elif role is None:
                    good = status == 401
                elif role.reaches(rule.least):
                    good = status not in (401, 403)
                else:
                    good = status == 403
                if not good or (status >= 500 and rule.path not in ("/healthz", "/readyz")):
                    wrong.append((role and role.value, rule.method, rule.path, status))
    assert wrong == [], wrong


async def test_grants_of_another_group_reach_nothing(gate: Gate) -> None:
    await run_of_items(gate)
    token = await gate.token("admin", groups=["guarded"], shops=["OTHER"])
    wrong = []
    async with gate.program(token) as client:
        for rule in rights.RULES:
            if rule.scope in SCOPED or (rule.method, rule.path) in {
                ("POST", one) for one in BODIES
            }:
                status = await asked(client, rule)
                if status != 403:
                    wrong.append((rule.method, rule.path, status))
        assert (await client.get("/api/v1/runs")).json()["runs"] == []
        status = (await client.get("/api/v1/status")).json()
        assert (list(status["groups"]), status["runs"]) == (["guarded"], {})
        groups = (await client.get("/api/v1/groups")).json()
        assert [one["name"] for one in groups["imports"]] == ["guarded"]
        assert groups["exports"] == []
    assert wrong == []


async def order_of_north(gate: Gate) -> None:
    """An order that is paid, number 1, with its tasks: of the shop NORTH."""
    lines = [{"ref": "1", "sku": "A", "quantity": "1"}]
    order = {"number": "1", "shop": "NORTH", "payment": {"method": "transfer"}, "lines": lines}
    async with gate.local() as local:
        assert (await local.post("/api/v1/orders", json={"orders": [order]})).status_code == 201
        paid = await local.post("/api/v1/orders/1/events", json={"event": "payment_confirmed"})
        assert paid.status_code == 200, paid.text
    at = "2026-01-01T00:00:00.000Z"
    told = {"flag": "INITPAID", "root": "INITPAID", "exporter": "approval", "state": "held"}
    async with gate.instance.store.writing() as tx:
        flag = (await tx.execute(select(func.min(orders.order_flag.c.id)))).scalar_one()
        row = {"id": 1, "flag_id": flag, "order_id": 1, "about": 0, "key": "0" * 64, "priority": 1}
        await tx.execute(insert(tasks.task).values(**row, **told, due=at, made=at, since=at))


async def test_grants_of_another_shop_reach_nothing(gate: Gate) -> None:
    await order_of_north(gate)
    other = await gate.token("admin", "other", shops=["SOUTH"])
    mine = await gate.token("admin", "mine", shops=["NORTH"])
    wrong = []
    async with gate.program(other) as stranger, gate.program(mine) as owner:
        for rule in rights.RULES:
            if rule.scope in (Scope.ORDER, Scope.TASK):
                status = await asked(stranger, rule), await asked(owner, rule)
                if status[0] != 403 or status[1] == 403 or status[1] >= 500:
                    wrong.append((rule.method, rule.path, status))
        for path, key in (("orders", "orders"), ("tasks", "tasks")):
            assert (await stranger.get(f"/api/v1/{path}")).json()[key] == []
            assert len((await owner.get(f"/api/v1/{path}")).json()[key]) >= 1
        lines = [{"ref": "1", "sku": "A", "quantity": "1"}]
        order = {"number": "2", "shop": "NORTH", "payment": {"method": "card"}, "lines": lines}
        told = {"orders": [order]}
        assert (await stranger.post("/api/v1/orders", json=told)).status_code == 403
    assert wrong == []


async def test_an_upload_is_only_for_who_began_it(gate: Gate) -> None:
    one, other = await gate.token("operator", "one"), await gate.token("admin", "other")
    told = {"group": "items", "name": "items.csv", "bytes": 3}
    async with gate.program(one) as mine, gate.program(other) as stranger:
        token = (await mine.post("/api/v1/uploads", json=told)).json()["token"]
        path = f"/api/v1/uploads/{token}"
        assert (await stranger.put(f"{path}?at=0", content=b"abc")).status_code == 404
        for what in ("import", "forget"):
            assert (await stranger.post(f"{path}/{what}", json={})).status_code == 404
        assert (await stranger.get("/api/v1/uploads")).json()["uploads"] == []
        assert (await mine.put(f"{path}?at=0", content=b"abc")).json()["received"] == 3


async def test_a_token_can_do_no_more_than_its_person(gate: Gate) -> None:
    token = await gate.token("operator")
    async with gate.program(token) as client:
        told = {"person": "operator", "name": "more", "role": "admin"}
        assert (await client.post("/api/v1/tokens", json=told)).status_code == 403
        mine = await client.post("/api/v1/tokens", json={"name": "less", "role": "viewer"})
    async with gate.program(mine.json()["token"]) as client:
        assert (await client.get("/api/v1/me")).json()["role"] == "viewer"
        more = await client.post("/api/v1/tokens", json={"name": "more", "role": "operator"})
        assert more.status_code == 403


async def test_what_is_ended_or_disabled_opens_nothing_any_more(gate: Gate) -> None:
    token = await gate.token("viewer")
    async with gate.program(token) as client, gate.local() as local:
        assert (await client.get("/api/v1/me")).status_code == 200
        [one] = (await local.get("/api/v1/users")).json()["users"]
        await gate.setup()
        disabled = await local.post(f"/api/v1/users/{one['id']}", json={"disabled": True})
        assert disabled.status_code == 200
        assert (await client.get("/api/v1/me")).status_code == 401


async def test_the_actor_is_who_signed_in_whatever_is_said(gate: Gate) -> None:
    token = await gate.token("operator")
    async with gate.program(token) as client:
        told = {"group": "items-out", "actor": "somebody else"}
        run = (await client.post("/api/v1/exports", json=told)).json()["run"]
        assert (await client.get(f"/api/v1/runs/{run}")).json()["actor"] == "operator"
    async with gate.local() as local:
        run = (await local.post("/api/v1/exports", json=told)).json()["run"]
        assert (await local.get(f"/api/v1/runs/{run}")).json()["actor"] == "somebody else"
        lines = (await local.get("/api/v1/audit")).json()["audit"]
    assert ("operator", "POST /api/v1/exports", "done") in {
        (one["who"], one["action"], one["outcome"]) for one in lines
    }


async def test_the_same_key_starts_one_thing(gate: Gate) -> None:
    token = await gate.token("operator")
    async with gate.program(token) as client:
        key = {"idempotency-key": "form-1"}
        body = {"group": "items-out"}
        first = await client.post("/api/v1/exports", json=body, headers=key)
        second = await client.post("/api/v1/exports", json=body, headers=key)
        other = await client.post("/api/v1/exports", json={"group": "x"}, headers=key)
        runs = (await client.get("/api/v1/runs")).json()["runs"]
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert len(runs) == 1
