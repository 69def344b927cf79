"""Runs and status for people: tables and a progress bar, on any terminal."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from impexd.core.text import shown

Told = Callable[[dict[str, Any] | None], None]

LISTED = 20
"""Problems printed; the report has them all."""

_COLOURS = {
    "archived": "green",
    "published": "green",
    "applied": "green",
    "duplicate": "yellow",
    "held": "yellow",
    "rejected": "red",
    "failed": "red",
    "cancelled": "red",
}


def console() -> Console:
    """A terminal as it is; elsewhere wide enough that nothing is cut."""
    out = Console(highlight=False, soft_wrap=True)
    return out if out.is_terminal else Console(highlight=False, soft_wrap=True, width=200)


def text(value: object, limit: int = 200) -> str:
    """Pure: anything foreign as markup that is only text."""
    return escape(shown("" if value is None else str(value), limit=limit))


def runs(found: list[dict[str, Any]]) -> None:
    """Print runs, newest first."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "group", "state", "file", "rows", "problems", "started", "seconds"):
        table.add_column(name, justify="right" if name in ("run", "rows", "seconds") else "left")
    for run in found:
        table.add_row(
            str(run["id"]),
            text(run["group"]),
            _state(run["state"]),
            text(run["source"]["name"], 60),
            f"{_rows(run):,}",
            str(run["problems"] or ""),
            text((run["started"] or "")[:19]),
            str(run["seconds"] or ""),
        )
    out = console()
    out.print(table if found else "no runs yet: drop a file into an inbox (`impexd status`)")


def run(found: dict[str, Any]) -> None:
    """Print one run: head, counts, problems."""
    out = console()
    head = f"run {found['id']}  {text(found['group'])}  {_state(found['state'])}"
    rows, seconds = _rows(found), found["seconds"]
    rate = f"  {rows:,} rows in {seconds:.2f} s, {rows / seconds:,.0f} rows/s" if seconds else ""
    out.print(f"{head}  {text(found['source']['name'])}{rate}")
    if found["message"]:
        said = f"{found['code']}: " if found["code"] else ""
        out.print(f"  {text(said + found['message'], 500)}")
    if found.get("parts"):
        out.print(_parts(found["parts"]))
    _problems(out, found)
    if (found.get("orders") or {}).get("counts"):
        _orders(out, found["orders"])
    if found.get("cured"):
        out.print(f"  {found['cured']:,} of its rejects have been mended and loaded since")
    if found.get("sent"):
        out.print(f"  sent: {text(sent(found['sent']), 500)}")
    for one in found.get("after") or []:
        said = ", ".join(filter(None, (one["state"], one["message"])))
        out.print(f"  then {text(one['target'])}: {text(said, 500)}")
    if found["report"]:
        out.print(f"report: {text(found['report'], 500)}")
    if found["state"] == "held":
        planned = found["code"] != "poison"  # what ends its worker has no plan, but a log
        out.print(f"look:    impexd show {found['id']} {'--changes' if planned else '--log'}")
        out.print(
            f"decide:  impexd approve {found['id']} --note WHY   or   impexd refuse {found['id']}"
        )


def changes(found: list[dict[str, Any]]) -> None:
    """Print what a plan would change."""
    table = Table(box=None, pad_edge=False)
    for name in ("entity", "key", "change", "field", "old", "new", "file", "line"):
        table.add_column(name)
    for change in found:
        table.add_row(*(text(change[name], 60) for name in change))
    console().print(table if found else "nothing (more) would change")


def outbox(found: list[dict[str, Any]]) -> None:
    """Print the files in outboxes."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "group", "file", "rows", "bytes", "published", "sha256", "sent"):
        table.add_column(name, justify="right" if name in ("run", "rows", "bytes") else "left")
    for one in found:
        table.add_row(
            str(one["run"]),
            text(one["group"]),
            text(one["path"], 500),
            f"{one['rows']:,}",
            f"{one['bytes']:,}",
            text((one["published"] or "")[:19]),
            text(one["sha256"][:16]),
            text(sent(one["sent"]), 500) if one.get("sent") else "",
        )
    console().print(table if found else "nothing has been exported yet: `impexd export GROUP`")


def sent(one: dict[str, Any]) -> str:
    """Pure: what became of a file that goes to a target elsewhere."""
    match one["state"]:
        case "done":
            more = f" ({one['message']})" if one["message"] else ""
            return f"{one['target']}/{one['name']}, {(one['ended'] or '')[:19]}{more}"
        case "failed":
            return f"not sent to {one['target']}: {one['message']}"
        case _:
            tried = f", tried {one['attempts']} times" if one["attempts"] > 1 else ""
            why = f": {one['message']}" if one["message"] else ""
            return f"waits for {one['target']}{tried}{why}"


def parked(found: dict[str, Any]) -> None:
    """Print the rows that wait for a parent."""
    table = Table(box=None, pad_edge=False)
    for name in ("id", "group", "file", "line", "waits for", "key", "since", "until"):
        table.add_column(name)
    for row in found["parked"]:
        names = ("group_name", "member", "line", "waits_entity", "waits_key", "since", "until")
        table.add_row(str(row["id"]), *(text(row[name], 60) for name in names))
    console().print(table if found["parked"] else "no row waits for a parent")


def log_line(line: dict[str, Any]) -> str:
    """Pure: one line of a run's log."""
    more = " ".join(f"{name}={value}" for name, value in (line["body"] or {}).items())
    return f"{line['at'][:23]}  {line['level']:<8}{line['event']}  {more}".rstrip()


def plain(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines that may hold anything foreign."""
    out = Console(highlight=False, soft_wrap=True, stderr=err)
    for line in lines:
        out.print(text(line, 1000))


def _parts(parts: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    names = ("read", "inserted", "updated", "unchanged", "deleted", "rejected")
    for name in ("file", "descriptor", "entity"):
        table.add_column(name)
    for name in names:
        table.add_column(name, justify="right")
    for part in parts:
        counts = part["counts"] or {}
        cells = [f"{counts.get(name, 0):,}" for name in names]
        failed = " [red](rejected)[/]" if part["state"] == "rejected" else ""
        table.add_row(
            text(part["member"], 40) + failed,
            text(part["descriptor"]),
            text(part["entity"]),
            *cells,
        )
    return table


def _orders(out: Console, brought: dict[str, Any]) -> None:
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(brought["counts"].items()))
    out.print(f"  orders: {text(counts)}")
    refused = [one for one in brought["listed"] if one["state"] == "refused"]
    for one in refused[:LISTED]:
        out.print(f"  [red]order refused[/]  {text(one['number'], 80)}: {text(one['reason'])}")
    count = brought["counts"].get("refused", 0)
    if count > min(len(refused), LISTED):
        out.print(f"  ... {count:,} orders refused in all")
    if count:
        out.print(f"  {text(brought['hint'], 500)}")


def _problems(out: Console, found: dict[str, Any]) -> None:
    listed = found.get("listed") or []
    for problem in listed[:LISTED]:
        place = ", ".join(
            said
            for said in (
                text(problem["file"], 60),
                f"line {problem['line']}" if problem["line"] is not None else "",
                text(problem["column"], 60),
            )
            if said
        )
        cell = f" [dim]{text(problem['cell'], 60)}[/]" if problem["cell"] else ""
        told = ": ".join(filter(None, (place, text(problem["message"]))))
        out.print(f"  [red]{text(problem['code'])}[/]  {told}{cell}")
    if found["problems"] > min(len(listed), LISTED):
        out.print(f"  ... {found['problems']:,} problems in all; the report lists more of them")


def status(found: dict[str, Any]) -> None:
    """Print how an instance is."""
    out = console()
    out.print(f"impexd {found['version']}, {'daemon running' if found['daemon'] else 'no daemon'}")
    out.print(f"state folder  {text(found['var'], 500)}")
    out.print(f"database      {text(found['database'], 500)}")
    for one in found["nodes"]:
        if one["away"] is not None:
            waiting = f", {one['open']:,} runs wait for it" if one["open"] else ""
            told = f"{one['folder']} on {one['host']}, since {one['seen'][:19]}{waiting}"
            out.print(f"[yellow]node {one['id']} is away[/]  {text(told, 500)}")
            out.print(
                f"  start its daemon; if it is gone for good: impexd nodes retire {one['id']}"
            )
    for mistake in found["config"]["mistakes"]:
        out.print(f"[red]configuration refused[/]  {text(mistake, 500)}")
    counted = ", ".join(f"{count} {state}" for state, count in sorted(found["runs"].items()))
    out.print(f"runs          {counted or 'none yet'}")
    jobs = found["jobs"]
    out.print(
        f"jobs          {jobs['todo']} waiting, {jobs['doing']} running, {jobs['failed']} failed"
    )
    for name, group in sorted(found["groups"].items()):
        waiting = f", {group['waiting']} files not ready yet" if group["waiting"] else ""
        out.print(f"group {text(name)}: {text(group['inbox'], 500)}{waiting}")
        if group["scheduled"]:
            out.print(f"  taken on a schedule, next {text(group['next'] or 'never: it is paused')}")
        if group["degraded"]:
            out.print(f"  [red]inbox degraded[/]: {text(group['degraded'], 500)}")
    for name, export in sorted(found["exports"].items()):
        if waits := export.get("sending"):
            why = f": {waits['why']}" if waits["why"] else ""
            told = f"{_files(waits['files'])} for {export['target']}{why}"
            out.print(f"  [yellow]export {text(name)}[/]: {text(told, 500)}")
    for run, progress in sorted(found["running"].items()):
        out.print(
            f"running {run}: {progress['phase']}, {progress['rows']:,} rows, {progress['done']:.0%}"
        )


@contextmanager
def progress(*, enabled: bool) -> Iterator[Told]:
    """Give a function that shows how far a run is; nothing where no terminal is."""
    console = Console(stderr=True, highlight=False)
    if not enabled or not console.is_terminal:
        yield lambda _found: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("waiting", total=1.0, rows=0, rate=0.0)

        def told(found: dict[str, Any] | None) -> None:
            if found is not None:
                elapsed = bar.tasks[0].elapsed or 0.1
                bar.update(
                    task,
                    description=found["phase"],
                    completed=found["done"],
                    rows=found["rows"],
                    rate=found["rows"] / elapsed,
                )

        yield told


def _state(state: str) -> str:
    colour = _COLOURS.get(state, "cyan")
    return f"[{colour}]{state}[/]"


def _rows(run: dict[str, Any]) -> int:
    counts = (run["counts"] or {}).values()
    return sum(count[name] for count in counts for name in count if name != "read")


def _files(count: int) -> str:
    """Pure: how many files wait."""
    return "1 file waits" if count == 1 else f"{count:,} files wait"
