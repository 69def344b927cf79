"""What lasts longer than a request: a live stream, an upload; and what only those with all grants stop."""

from datetime import timedelta

import anyio
from sqlalchemy import update

from impexd.admin import stale
from impexd.core.clock import stamp
from impexd.store import runlog, schema
from impexd.store.tables.people import upload
from tests.admin.conftest import Gate
from tests.admin.test_rights import run_of_items


async def test_a_live_stream_ends_with_the_session_that_asked_for_it(gate: Gate) -> None:
    await run_of_items(gate)
    async with gate.instance.store.writing() as tx:
        await tx.execute(update(schema.run).values(state="claimed"))
    token = await gate.token("viewer")
    async with (
        gate.program(token) as client,
        gate.local() as local,
        anyio.create_task_group() as tasks,
    ):
        told: list[str] = []

        async def listen() -> None:
            told.append((await client.get("/api/v1/runs/1/events")).text)

        with anyio.fail_after(30):
            tasks.start_soon(listen)
            [one] = (await local.get("/api/v1/users")).json()["users"]
            await gate.setup()
            await local.post(f"/api/v1/users/{one['id']}", json={"disabled": True})
            while not told:
                await anyio.sleep(0.05)
        assert '"state": "claimed"' in told[0]
        assert (await client.get("/api/v1/runs/1/events")).status_code == 401


async def test_the_log_goes_on_where_a_connection_was_lost(gate: Gate) -> None:
    await run_of_items(gate)
    async with gate.instance.store.writing() as tx:
        lines = [{"run": 1, "at": "2026-01-01T00:00:00.000Z", "level": "info", "body": {}}] * 3
        await runlog.put(tx, [line | {"event": f"step {n}"} for n, line in enumerate(lines)])
    async with gate.program(await gate.token("viewer")) as client:
        whole = (await client.get("/runs/1/live")).text
        assert [f"step {n}" in whole for n in range(3)] == [True, True, True]
        first = (await client.get("/api/v1/runs/1/log")).json()["log"][0]["id"]
        assert "step 0" not in (await client.get(f"/runs/1/live?after={first}")).text
        lost = {"last-event-id": str(first + 1)}
        again = (await client.get(f"/runs/1/live?after={first}", headers=lost)).text
    assert "step 1" not in again
    assert "step 2" in again
    assert "event: end" in again


async def test_housekeeping_is_stopped_only_by_who_has_all_groups(gate: Gate) -> None:
    some = await gate.token("operator", "some", groups=["items"])
    every = await gate.token("operator", "every")
    async with gate.program(some) as client:
        names = [one["name"] for one in (await client.get("/api/v1/schedule")).json()["schedule"]]
        keep = next(name for name in names if name.startswith("keep:"))
        assert (await client.get(f"/api/v1/schedule/{keep}")).status_code == 200
        for what in ("pause", "resume", "run"):
            denied = await client.post(f"/api/v1/schedule/{keep}/{what}", json={})
            assert denied.status_code == 403, what
    async with gate.program(every) as client:
        assert (await client.post(f"/api/v1/schedule/{keep}/pause", json={})).status_code == 200


async def test_of_an_upload_cut_half_way_a_part_is_left_that_expires(gate: Gate) -> None:
    folder = gate.instance.bench.config.var / "uploads"
    token = await gate.token("operator")
    async with gate.program(token) as client:
        told = {"group": "items", "name": "items.csv", "bytes": 20}
        one = (await client.post("/api/v1/uploads", json=told)).json()["token"]
        await client.put(f"/api/v1/uploads/{one}?at=0", content=b"sku;name")
        [left] = (await client.get("/api/v1/uploads")).json()["uploads"]
        assert (left["received"], left["state"]) == (8, "coming")
        assert await stale.clear(gate.instance) == 0
        long = stamp(gate.instance.clock.now() - stale.KEPT - timedelta(minutes=1))
        async with gate.instance.store.writing() as tx:
            await tx.execute(update(upload).values(seen=long))
        assert await stale.clear(gate.instance) == 1
        assert list(folder.iterdir()) == []
        assert (await client.get("/api/v1/uploads")).json()["uploads"] == []
