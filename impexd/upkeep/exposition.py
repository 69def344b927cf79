"""
Figures as Prometheus reads them.

`NAMES` has every metric there is: the alert rules and the dashboard in `etc/` may use no other.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from impexd import __version__
from impexd.upkeep.figures import Figures
from impexd.upkeep.partners import Counts, Partners
from impexd.upkeep.tally import Tally

TYPE = "text/plain; version=0.0.4; charset=utf-8"

GAUGES = {
    "impexd_info": (
        "The release that runs, and the configuration in force.",
        ["version", "config"],
    ),
    "impexd_store_up": ("1 if the database answers.", []),
    "impexd_runs": ("Runs in the journal.", ["kind", "group", "state"]),
    "impexd_jobs": ("Jobs in the queue: todo, doing, failed.", ["state"]),
    "impexd_files_waiting": ("Files in an inbox that are not taken yet.", ["group"]),
    "impexd_oldest_waiting_seconds": ("For how long the oldest of them has waited.", ["group"]),
    "impexd_inbox_degraded": ("1 if an inbox cannot be taken from now.", ["group"]),
    "impexd_notices_open": ("What was told within a day and is not over.", ["kind", "severity"]),
    "impexd_feed_lag_seconds": ("Seconds since a feed last answered well.", ["feed"]),
    "impexd_feed_failures": ("How often a feed has failed in a row.", ["feed"]),
    "impexd_messages": ("What feeds said, by what became of it.", ["feed", "state"]),
    "impexd_tasks": ("What partners are to be told, by how far it is.", ["exporter", "state"]),
    "impexd_breaker_open": ("1 if a partner is left alone for a while.", ["exporter"]),
    "impexd_scheduler_last_wakeup_timestamp_seconds": ("When the scheduler last woke up.", []),
    "impexd_loop_lag_seconds": ("The latest the loop was woken within a minute.", []),
    "impexd_disk_free_bytes": ("Bytes free where the state folder lies.", []),
    "impexd_disk_reserve_bytes": ("Below so many bytes nothing new is taken.", []),
    "impexd_wal_bytes": ("Size of SQLite's write-ahead log.", []),
    "impexd_config_reload_failed": ("1 if the newest configuration was refused.", []),
}
COUNTERS = {
    "impexd_runs_ended_total": ("Runs that ended since the start.", ["kind", "group", "state"]),
    "impexd_rows_total": ("What became of rows since the start.", ["group", "entity", "result"]),
    "impexd_log_lines_dropped_total": ("Log lines that nobody read in time.", []),
}
HISTOGRAMS = {"impexd_run_seconds": ("How long runs took, since the start.", ["kind", "group"])}
NAMES = frozenset({*GAUGES, *COUNTERS, *HISTOGRAMS})
"""All names but those of the process itself (`process_...`)."""


def text(found: Figures, tally: Tally, config: str) -> bytes:
    """Write figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(found, tally, config))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Once(Collector):
    """Gives one set of figures."""

    def __init__(self, found: Figures, tally: Tally, config: str) -> None:
        self._found, self._tally, self._config = found, tally, config

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        values = gauges(self._found) | {"impexd_info": [((__version__, self._config), 1.0)]}
        for name, samples in values.items():
            yield _gauge(name, samples)
        for name, counts in _counted(self._found, self._tally).items():
            told, labels = COUNTERS[name]
            counter = CounterMetricFamily(name, told, labels=labels)
            for key, count in counts:
                counter.add_metric(key, count)
            yield counter
        yield _took(self._tally)


Samples = Iterable[tuple[tuple[str, ...], float]]


def gauges(found: Figures) -> dict[str, Samples]:
    """Pure: name -> (labels, value) of all that goes up and down."""
    values: dict[str, Samples] = {
        "impexd_store_up": _one(found.up),
        "impexd_runs": [((kind, group, state), n) for kind, group, state, n in found.runs],
        "impexd_jobs": [((state,), count) for state, count in found.jobs.items()],
        "impexd_files_waiting": [((group,), count) for group, count in found.waiting.items()],
        "impexd_oldest_waiting_seconds": [((group,), age) for group, age in found.oldest.items()],
        "impexd_inbox_degraded": [
            ((group,), float(is_so)) for group, is_so in found.degraded.items()
        ],
        "impexd_notices_open": [((kind, level), n) for kind, level, n in found.notices],
        "impexd_loop_lag_seconds": _one(found.lag),
        "impexd_disk_free_bytes": _one(found.free),
        "impexd_disk_reserve_bytes": _one(found.reserve),
        "impexd_wal_bytes": _one(found.wal),
        "impexd_config_reload_failed": _one(found.refused),
    }
    values |= _partners(found.partners)
    if found.woken is not None:
        values["impexd_scheduler_last_wakeup_timestamp_seconds"] = _one(found.woken)
    return values


def _partners(found: Partners) -> dict[str, Samples]:
    feeds = found.feeds.items()
    return {
        "impexd_feed_lag_seconds": [
            ((name,), one["lag"]) for name, one in feeds if one["lag"] is not None
        ],
        "impexd_feed_failures": [((name,), one["failures"]) for name, one in feeds],
        "impexd_messages": _counts(found.messages),
        "impexd_tasks": _counts(found.tasks),
        "impexd_breaker_open": [
            ((name,), float(name in found.resting)) for name in found.exporters
        ],
    }


def _counts(found: Counts) -> Samples:
    return [((name, state), n) for name, states in found.items() for state, n in states.items()]


def _one(value: float) -> Samples:
    return [((), float(value))]


def _gauge(name: str, samples: Samples) -> GaugeMetricFamily:
    told, labels = GAUGES[name]
    gauge = GaugeMetricFamily(name, told, labels=labels)
    for key, value in samples:
        gauge.add_metric(key, value)
    return gauge


def _counted(found: Figures, tally: Tally) -> dict[str, Samples]:
    return {
        "impexd_runs_ended_total": tally.runs.items(),
        "impexd_rows_total": tally.rows.items(),
        "impexd_log_lines_dropped_total": _one(found.dropped),
    }


def _took(tally: Tally) -> HistogramMetricFamily:
    told, labels = HISTOGRAMS["impexd_run_seconds"]
    family = HistogramMetricFamily("impexd_run_seconds", told, labels=labels)
    for place, classes in tally.took.items():
        buckets = [
            ("+Inf" if bound == float("inf") else repr(bound), count)
            for bound, count in sorted(classes.items())
        ]
        family.add_metric(place, buckets, sum_value=tally.seconds[place])
    return family
