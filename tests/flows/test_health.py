"""How an instance is, told to supervisors and to Prometheus; the log of a run."""

import fcntl
import json
import os
import re
import signal
import subprocess
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from impexd.admin import api
from impexd.client import Refused
from impexd.core.errors import ConfigError
from impexd.model.standing import Standing
from impexd.upkeep import exposition
from impexd.upkeep.figures import Figures
from impexd.upkeep.partners import Partners
from tests import shop
from tests.flows.place import Place
from tests.flows.test_daemon import packed, stopped
from tests.processes import ROOT, Site, until

together = pytest.mark.asyncio(loop_scope="session")
"""Tests that share an instance share its loop."""

ETC = {name: text for name, text in shop.ETC.items() if name != "impexd.toml"}

Metrics = dict[str, list[tuple[dict[str, str], float]]]


async def scraped(place: Place) -> Metrics:
    """Ask for the metrics, and read them as Prometheus does."""
    http = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=api.app(place.instance)), base_url="http://impexd"
    )
    async with http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    return read(answer.text)


def read(said: str) -> Metrics:
    found: Metrics = {}
    for family in text_string_to_metric_families(said):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = [n for have, n in metrics[name] if labels.items() <= have.items()]
    assert len(found) == 1, (name, labels, metrics[name])
    return found[0]


@together
async def test_figures_are_what_prometheus_reads(place: Place) -> None:
    await place.fresh(ETC)
    await place.bring("1.zip", packed(shop.rows(20)))
    metrics = await scraped(place)
    ours = {name for name in metrics if name.startswith("impexd_")}
    plain = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in ours
    }
    assert plain <= exposition.NAMES
    assert value(metrics, "impexd_store_up") == 1
    assert value(metrics, "impexd_runs", kind="import", group="shop", state="archived") == 1
    assert value(metrics, "impexd_jobs", state="todo") == 0
    assert value(metrics, "impexd_config_reload_failed") == 0
    assert value(metrics, "impexd_disk_free_bytes") > 0
    counted = value(metrics, "impexd_rows_total", group="shop", entity="price", result="inserted")
    assert counted >= 20
    await place.bring("2.zip", packed(shop.rows(10, edition=1)))
    metrics = await scraped(place)
    updated = value(metrics, "impexd_rows_total", group="shop", entity="price", result="updated")
    assert updated == 10
    ended = value(metrics, "impexd_runs_ended_total", group="shop", state="archived")
    took = value(metrics, "impexd_run_seconds_count", group="shop", kind="import")
    assert ended == took


@together
async def test_a_configuration_that_is_refused_shows_in_readiness_and_figures(place: Place) -> None:
    await place.fresh(ETC)
    with pytest.raises(ConfigError):
        await place.say({"groups/shop.toml": 'kind = "import"\ndescriptors = ["nothing"]\n'})
    assert value(await scraped(place), "impexd_config_reload_failed") == 1
    ready = await place.asked.get("/readyz")
    assert (ready["ready"], ready["config_reload_failed"]) == (True, True)
    await place.say({"groups/shop.toml": shop.ETC["groups/shop.toml"]})
    assert value(await scraped(place), "impexd_config_reload_failed") == 0


@together
async def test_figures_tell_of_feeds_messages_tasks_and_partners(place: Place) -> None:
    await place.fresh(ETC)
    async with place.instance.store.writing() as tx:
        await tx.execute(
            text(
                "INSERT INTO message (source, message_id, digest, body, received, via, state)"
                " VALUES ('dhl', '1', 'd', '{}', 'x', 'rest', 'dead')"
            )
        )
    metrics = await scraped(place)
    assert value(metrics, "impexd_messages", feed="dhl", state="dead") == 1
    rested = Partners(
        {"dhl": {"lag": 61.0, "failures": 2, "error": "gone"}},
        tasks={"erp": {"held": 3}},
        resting={"erp": Standing(5, 1, "2999", "answered 503")},
        exporters=("erp", "wms"),
    )
    found = read(exposition.text(Figures(partners=rested), place.instance.tally, "x").decode())
    assert value(found, "impexd_feed_lag_seconds", feed="dhl") == 61
    assert value(found, "impexd_feed_failures", feed="dhl") == 2
    assert value(found, "impexd_tasks", exporter="erp", state="held") == 3
    assert value(found, "impexd_breaker_open", exporter="erp") == 1
    assert value(found, "impexd_breaker_open", exporter="wms") == 0


@together
async def test_health_says_so_when_the_database_does_not_answer(place: Place) -> None:
    await place.fresh(ETC)
    assert (await place.asked.get("/healthz"))["alive"] is True
    heart = place.instance.store.heart
    heart.busy, heart.moved = True, heart.monotonic() - 61
    try:
        with pytest.raises(Refused, match="nothing moves"):
            await place.asked.get("/healthz")
    finally:
        heart.busy = False
    assert (await place.asked.get("/healthz"))["database"] == "ok"


def test_what_is_logged_about_a_run_is_kept_with_it(site: Site) -> None:
    with site.daemon() as daemon:
        site.drop("drop.zip", packed(shop.rows(20)))
        until(lambda: site.states() == ["archived"], "it is loaded")

        def lines() -> list[dict[str, Any]]:
            out = site.call("show", "1", "--log", "--json").stdout
            return [json.loads(line) for line in out.splitlines()]

        found = until(lines, "its log is kept")
        assert "applied" in [line["event"] for line in found]
        assert all(line["run"] == 1 for line in found)
        assert [line["id"] for line in found] == sorted(line["id"] for line in found)
        assert "applied" in site.call("show", "1", "--log").stdout
        stopped(daemon)


def test_a_log_that_nobody_reads_does_not_stop_the_daemon(site: Site) -> None:
    site.say("impexd.toml", shop.ETC["impexd.toml"].replace("[log]", '[log]\nlevel = "debug"'))
    out, into = os.pipe()
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
    os.write(into, b"x" * 4096)  # full from the first line on
    with subprocess.Popen(
        site.command("run"), stderr=into, stdout=into, env=dict(os.environ, PYTHONPATH=str(ROOT))
    ) as process:
        os.close(into)
        until((site.var / "impexd.sock").exists, "it is ready")
        for edition in range(3):
            site.drop(f"{edition}.zip", packed(shop.rows(5, edition=edition)))
            wanted = ["archived"] * (edition + 1)
            until(lambda wanted=wanted: site.states() == wanted, "it is loaded")  # type: ignore[misc]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    os.close(out)


def test_every_alert_and_every_panel_names_a_figure_that_there_is() -> None:
    words = re.compile(r"\bimpexd_[a-z_]+")
    for name in ("alerts.yml", "dashboard.json"):
        told = (ROOT / "etc" / "monitoring" / name).read_text("utf-8")
        named = {re.sub(r"_(bucket|sum|count)$", "", word) for word in words.findall(told)}
        assert named
        assert named <= exposition.NAMES, name
