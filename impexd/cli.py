"""
The commands.

Each works on the running daemon through its socket, or on the folder alone under its lock.
`--json` is for machines: one object, or one a line.  Exit status: 0 done, 1 done but something
was rejected, held or failed, 2 wrong use, 73-75 another daemon has the instance, 78 configuration.
"""

import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import click

from impexd import __version__, examples, history, outgoing, setup, timetable
from impexd.core import log, signals
from impexd.core.errors import ConfigError, ImpexError
from impexd.core.text import shown

T = TypeVar("T")

REJECTED = ("rejected", "held", "failed", "cancelled")
"""States of a run that end a command with 1."""


def main() -> int:
    """Run the command line; errors of ours become a sentence, a hint and an exit status."""
    try:
        status = commands.main(standalone_mode=False)
        return status if isinstance(status, int) else 0  # click gives what `Exit` was raised with
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except ImpexError as error:
        return _told(error)
    except BaseExceptionGroup as group:
        return _told(_ours(group))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads any more; that is no fault
        return 0


def _ours(group: BaseExceptionGroup[BaseException]) -> ImpexError:
    """Find the error that a person can do something about; a bug goes up."""
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    if isinstance(inner, ImpexError):
        return inner
    raise group


def _told(error: ImpexError) -> int:
    if isinstance(error, ConfigError):
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        click.echo(f"{len(error.mistakes)} mistakes in the configuration", err=True)
    else:
        code = getattr(error, "code", "")
        click.echo(f"error: {f'{code}: ' if code else ''}{shown(str(error), limit=1000)}", err=True)
    if error.hint:
        click.echo(f"hint: {shown(error.hint, limit=1000)}", err=True)
    return error.exit_code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="impexd")
@click.option(
    "--config",
    "source",
    envvar="IMPEXD_CONFIG",
    type=click.Path(path_type=Path),
    help="impexd.toml or its folder; else etc/ here, else /etc/impexd.",
)
@click.pass_context
def commands(context: click.Context, source: Path | None) -> None:
    """Import and export commerce data: inbox folders in; tables, reports and rejects out."""
    context.obj = source or setup.found()
    log.start("error")


@commands.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make a new instance: etc/ with every key explained, and var/."""
    for path in setup.write(folder):
        click.echo(f"wrote {path}")
    click.echo(f"\nNext: impexd --config {folder / 'etc'} check")
    click.echo(f"      impexd --config {folder / 'etc'} run")


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def check(source: Path, *, as_json: bool) -> None:
    """Check the configuration: every mistake with file, line and key."""
    from impexd import config as configuration

    try:
        config = configuration.load(source)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"ok": False, "mistakes": list(error.mistakes)}))
        raise click.exceptions.Exit(78) from None
    counted = {
        "entities": len(config.catalogue),
        "descriptors": len(config.descriptors),
        "groups": len(config.groups),
        "exports": len(config.exports),
    }
    if as_json:
        click.echo(json.dumps({"ok": True, **counted, "hash": config.hash}))
    else:
        click.echo("the configuration is right: " + _and(counted))


@commands.command()
@click.option("--drain", is_flag=True, help="Recover, take all that is there, finish it, exit.")
@click.pass_obj
def run(source: Path, *, drain: bool) -> None:
    """Run the daemon."""
    with signals.heard() as bell:  # before anything else: the default answer to SIGHUP is death
        from impexd import service

        _start_log(source)
        _asynchronously(lambda: service.run(source, bell, drain=drain))


@commands.command(name="import")
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
    done = _asynchronously(
        lambda: work.import_file(
            source, group, path, dry=dry_run, force=again, note=note, bar=not as_json
        )
    )
    _show(done, as_json=as_json)


@commands.command()
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

    found = _asynchronously(
        lambda: work.asked(source, "/api/v1/runs", group=group, state=list(state), limit=limit)
    )["runs"]
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=True))
    else:
        tables.runs(found)


@commands.command()
@click.argument("run", type=int)
@click.option("--changes", is_flag=True, help="What its plan would change, value by value.")
@click.option("--offset", default=0, type=click.IntRange(0), help="Changes to pass over.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def show(source: Path, run: int, *, changes: bool, offset: int, limit: int, as_json: bool) -> None:
    """Show one run: counts, parts, problems."""
    from impexd import commands as work
    from impexd import show as tables

    if not changes:
        found = _asynchronously(lambda: work.asked(source, f"/api/v1/runs/{run}"))
        _show(found, as_json=as_json, status=False)
        return
    path = f"/api/v1/runs/{run}/changes"
    page = _asynchronously(lambda: work.asked(source, path, offset=offset, limit=limit))
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=True))
    else:
        tables.changes(page["changes"])


@commands.command()
@click.argument("run", type=int)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Copy them there.")
@click.pass_obj
def rejects(source: Path, run: int, out: Path | None) -> None:
    """Name (or copy) the files of a run's rejected rows: mend them and drop them again."""
    from impexd import commands as work

    found = _asynchronously(lambda: work.asked(source, f"/api/v1/runs/{run}/rejects"))["rejects"]
    for path in found:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            path = shutil.copy(path, out)
        click.echo(shown(str(path), limit=1000))
    if not found:
        click.echo(f"run {run} has no rejects file", err=True)


@commands.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def parked(source: Path, limit: int, *, as_json: bool) -> None:
    """List the rows that wait for their parent."""
    from impexd import commands as work
    from impexd import show as tables

    found = _asynchronously(lambda: work.asked(source, "/api/v1/parked", limit=limit))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.parked(found)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def status(source: Path, *, as_json: bool) -> None:
    """Say how the instance is: is a daemon running, is everything well."""
    from impexd import commands as work
    from impexd import show as tables

    found = _asynchronously(lambda: work.status(source))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.status(found)


@commands.command()
@click.pass_obj
def reload(source: Path) -> None:
    """Have the daemon take the new configuration: all of it or none."""
    from impexd import commands as work

    done = _asynchronously(lambda: work.reload(source))
    click.echo(f"taken: {done['groups']} groups, configuration {done['hash'][:12]}")


@commands.command()
@click.argument("run", type=int)
@click.option("--note", help="Why; kept with the run.")
@click.pass_obj
def approve(source: Path, run: int, note: str | None) -> None:
    """Let a held run be applied."""
    from impexd import commands as work

    _show(_asynchronously(lambda: work.decide(source, run, "approve", note)), as_json=False)


@commands.command()
@click.argument("run", type=int)
@click.option("--note", help="Why; kept with the run.")
@click.pass_obj
def refuse(source: Path, run: int, note: str | None) -> None:
    """End a held run with nothing loaded."""
    from impexd import commands as work

    found = _asynchronously(lambda: work.decide(source, run, "refuse", note))
    _show(found, as_json=False, status=False)


@commands.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where; a new folder if not said.")
@click.option("--rows", default=20_000, show_default=True, type=click.IntRange(10, 5_000_000))
def demo(folder: Path | None, rows: int) -> None:
    """An instance of its own with sample data: see a zip become rows."""
    from impexd import demo as playing

    _asynchronously(lambda: playing.play(folder, rows))


commands.add_command(history.undo)
commands.add_command(history.record)
commands.add_command(timetable.schedule)
commands.add_command(outgoing.export)
commands.add_command(outgoing.outbox)
commands.add_command(examples.describe)
commands.add_command(examples.sample)


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


def _start_log(source: Path) -> None:
    """Log as the configuration says; a wrong one is told of where it is loaded."""
    from impexd import config as configuration

    try:
        said = configuration.load(source).instance.log
    except ConfigError:
        log.start()
        return
    log.start(said.level, said.format)


def _asynchronously(work: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await work()

    return anyio.run(main)


def _and(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())
