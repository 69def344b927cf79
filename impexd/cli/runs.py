"""
The commands about imports: `import`, the runs and what became of their rows, deciding about a held one.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click

from impexd.cli.common import asynchronously, writing
from impexd.core.text import shown

REJECTED = ("rejected", "held", "failed", "cancelled")
"""States of a run that end a command with 1."""


@click.command(name="import")
@click.argument("group")
@click.argument("file", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Stop after the plan: nothing is changed.")
@click.option("--again", is_flag=True, help="Import the same bytes a second time.")
@click.option("--note", help="Kept with the run.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def import_(
    source: Path,
    group: str,
    file: str,
    *,
    dry_run: bool,
    again: bool,
    note: str | None,
    as_json: bool,
) -> None:
    """Import FILE into GROUP, and wait for what becomes of it."""
    from impexd import commands as work

    path = os.path.abspath(file)  # noqa: PTH100 (it must not be resolved: links are refused)
    done = asynchronously(
        lambda: work.import_file(
            source, group, path, dry=dry_run, force=again, note=note, bar=not as_json
        )
    )
    _show(done, as_json=as_json)


@click.command()
@click.option("--group")
@click.option("--state", multiple=True, help="Only runs in this state; may be repeated.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="One object a line for machines.")
@click.pass_obj
def runs(
    source: Path, group: str | None, state: tuple[str, ...], limit: int, *, as_json: bool
) -> None:
    """List the newest runs."""
    from impexd import commands as work
    from impexd import show as tables

    found = asynchronously(
        lambda: work.asked(source, "/api/v1/runs", group=group, state=list(state), limit=limit)
    )["runs"]
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=True))
    else:
        tables.runs(found)


@click.command()
@click.argument("run", type=int)
@click.option("--changes", is_flag=True, help="What its plan would change, value by value.")
@click.option("--log", "logged", is_flag=True, help="What was logged about it.")
@click.option("--offset", default=0, type=click.IntRange(0), help="Changes to pass over.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def show(
    source: Path, run: int, *, changes: bool, logged: bool, offset: int, limit: int, as_json: bool
) -> None:
    """Show one run: counts, parts, problems."""
    from impexd import commands as work
    from impexd import show as tables

    if logged:
        _logged(source, run, as_json=as_json)
        return
    if not changes:
        found = asynchronously(lambda: work.asked(source, f"/api/v1/runs/{run}"))
        _show(found, as_json=as_json, status=False)
        return
    path = f"/api/v1/runs/{run}/changes"
    page = asynchronously(lambda: work.asked(source, path, offset=offset, limit=limit))
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=True))
    else:
        tables.changes(page["changes"])


def _logged(source: Path, run: int, *, as_json: bool) -> None:
    """Print the log of a run."""
    from impexd import commands as work
    from impexd import show as tables

    lines = asynchronously(lambda: work.run_log(source, run))
    if as_json:
        for line in lines:
            click.echo(json.dumps(line, ensure_ascii=True))
    else:
        tables.plain(tables.log_line(line) for line in lines)
        if not lines:
            click.echo(f"nothing was logged about run {run}, or it is kept no more", err=True)


@click.command()
@click.argument("run", type=int)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Copy them there.")
@click.pass_obj
def rejects(source: Path, run: int, out: Path | None) -> None:
    """Name (or copy) the files of a run's rejected rows: mend them and drop them again."""
    from impexd import commands as work

    answer = asynchronously(lambda: work.asked(source, f"/api/v1/runs/{run}/rejects"))
    found = answer["rejects"]
    for path in found:
        if out is not None:
            with writing(out):
                out.mkdir(parents=True, exist_ok=True)
                path = shutil.copy(path, out)
        click.echo(shown(str(path), limit=1000))
    for one in answer["again"]:
        told = shown(f"{one['file']}: {one['message']}", limit=500)
        click.echo(f"mend and send again as a whole: {told}", err=True)
    if not found and not answer["again"]:
        click.echo(f"run {run} has no rejects", err=True)


@click.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def parked(source: Path, limit: int, *, as_json: bool) -> None:
    """List the rows that wait for their parent."""
    from impexd import commands as work
    from impexd import show as tables

    found = asynchronously(lambda: work.asked(source, "/api/v1/parked", limit=limit))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.parked(found)


@click.command()
@click.argument("run", type=int)
@click.option("--note", help="Why; kept with the run.")
@click.pass_obj
def approve(source: Path, run: int, note: str | None) -> None:
    """Let a held run be applied."""
    from impexd import commands as work

    _show(asynchronously(lambda: work.decide(source, run, "approve", note)), as_json=False)


@click.command()
@click.argument("run", type=int)
@click.option("--note", help="Why; kept with the run.")
@click.pass_obj
def refuse(source: Path, run: int, note: str | None) -> None:
    """End a held run with nothing loaded."""
    from impexd import commands as work

    found = asynchronously(lambda: work.decide(source, run, "refuse", note))
    _show(found, as_json=False, status=False)


@click.command()
@click.argument("run", type=int)
@click.option("--note", help="Why; kept with the run.")
@click.pass_obj
def cancel(source: Path, run: int, note: str | None) -> None:
    """End a run that is not applied yet, with nothing loaded."""
    from impexd import commands as work

    found = asynchronously(lambda: work.decide(source, run, "cancel", note))
    _show(found, as_json=False, status=False)


def _show(found: dict[str, Any], *, as_json: bool, status: bool = True) -> None:
    """Print a run; end with 1 if it did not go through whole."""
    from impexd import show as tables

    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.run(found)
    rejected = any(count.get("rejected") for count in (found.get("counts") or {}).values())
    if status and (found["state"] in REJECTED or found.get("problems") or rejected):
        raise click.exceptions.Exit(1)
