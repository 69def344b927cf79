"""What is wrong with a schedule: its cron expression or interval, its zone, or both at once."""

from collections.abc import Iterator

from impexd.model import schedule
from impexd.model.faults import Fault, quoted
from impexd.model.faults.column import zone as zone_fault
from impexd.model.toml import Path


def faults(cron: str | None, every: str | None, zone: str, *, below: Path = ()) -> Iterator[Fault]:
    """Pure: all that is wrong with the keys `schedule`, `every` and `zone` of the table at `below`."""
    if cron is not None and (reason := schedule.cron_fault(cron)):
        yield Fault((*below, "schedule"), f"{quoted(cron)}: {reason}")
    if every is not None:
        if cron is not None:
            yield Fault((*below, "every"), "there is a `schedule` already; one of them is enough")
        try:
            schedule.seconds(every)
        except ValueError as error:
            yield Fault((*below, "every"), f"{quoted(every)}: {error}")
    if reason := zone_fault(zone):
        yield Fault((*below, "zone"), reason)
