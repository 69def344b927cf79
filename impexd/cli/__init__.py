"""
The commands.

Each works on the running daemon through its socket, or on the folder alone under its lock.
`--json` is for machines: one object, or one a line.  Exit status: 0 done, 1 done but something
was rejected, held or failed, 2 wrong use, 73-75 another daemon has the instance, 78 configuration.
"""

import json
import os
import sys
from pathlib import Path

import click

from impexd import __version__, setup
from impexd.cli import (
    examples,
    exports,
    feeds,
    history,
    keep,
    nodes,
    notices,
    orders,
    people,
    runs,
    schedule,
    tasks,
    why,
)
from impexd.cli.common import asynchronously, writing
from impexd.core import log, memory, signals
from impexd.core.errors import ConfigError, ImpexError
from impexd.core.text import shown


def main() -> int:
    """Run the command line; errors of ours become a sentence, a hint and an exit status."""
    try:
        status = commands.main(standalone_mode=False)
        return status if isinstance(status, int) else 0  # click gives what `Exit` was raised with
    except SystemExit:
        if not type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
            raise
        return 0  # nobody reads any more (`| head`), of which click makes an end with 1
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
        count = len(error.mistakes)
        click.echo(f"{count} mistake{'s' * (count != 1)} in the configuration", err=True)
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
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--system", is_flag=True, help="A service: /etc/impexd, /var/lib/impexd, its unit.")
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), help="Below this folder."
)
def init(folder: Path | None, root: Path, *, system: bool) -> None:
    """Make a new instance: etc/ with every key explained, and var/."""
    if system == (folder is not None):
        raise click.UsageError("say a folder, or --system")
    if folder is None:
        with writing(root):
            made = setup.system(root)
        for path in made:
            click.echo(f"wrote {path}")
        click.echo("\nNext: systemd-sysusers && systemd-tmpfiles --create impexd.conf")
        click.echo("      systemctl daemon-reload && systemctl enable --now impexd")
        return
    with writing(folder):
        made = setup.write(folder)
    for path in made:
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
        "exporters": len(config.exporters),
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
    with signals.heard(
        for_good=True
    ) as bell:  # before anything else: the default answer to SIGHUP is death
        from impexd import service

        memory.thrifty()
        _start_log(source)
        try:
            asynchronously(lambda: service.run(source, bell, drain=drain))
        finally:
            log.flush()


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def status(source: Path, *, as_json: bool) -> None:
    """Say how the instance is: is a daemon running, is everything well."""
    from impexd import commands as work
    from impexd import show as tables
    from impexd import show_health

    found = asynchronously(lambda: work.status(source))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.status(found)
        tables.plain(show_health.lines(found))


@commands.command()
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Until it is taken, or refused."
)
@click.pass_obj
def reload(source: Path, *, wait: bool) -> None:
    """Have the daemon take the new configuration: all of it or none."""
    from impexd import commands as work

    done = asynchronously(lambda: work.reload(source, wait=wait))
    if not wait:
        click.echo("asked for; `impexd status` tells what became of it")
        return
    click.echo(f"taken: {done['groups']} groups, configuration {done['hash'][:12]}")


@commands.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where; a new folder if not said.")
@click.option("--rows", default=20_000, show_default=True, type=click.IntRange(10, 5_000_000))
@click.option("--stay", is_flag=True, help="Keep daemon and pages open until Ctrl-C.")
def demo(folder: Path | None, rows: int, *, stay: bool) -> None:
    """An instance of its own with sample data: a zip becomes rows, an order comes and goes."""
    from impexd import demo as playing

    asynchronously(lambda: playing.play(folder, rows, stay=stay))


for _command in (
    runs.import_,
    runs.runs,
    runs.show,
    runs.rejects,
    runs.parked,
    runs.approve,
    runs.refuse,
    runs.cancel,
    history.undo,
    history.record,
    nodes.nodes,
    schedule.schedule,
    exports.export,
    exports.outbox,
    exports.send,
    feeds.feeds,
    feeds.messages,
    examples.describe,
    examples.sample,
    tasks.tasks,
    tasks.task,
    tasks.hold,
    tasks.release,
    tasks.skip,
    tasks.resend,
    tasks.flag,
    orders.orders,
    orders.order,
    orders.event,
    people.user,
    why.why,
    why.verify,
    why.past,
    keep.backup,
    notices.notices,
    notices.notify,
):
    commands.add_command(_command)


def _start_log(source: Path) -> None:
    """Log as the configuration says; a wrong one is told of where it is loaded."""
    from impexd import config as configuration

    try:
        said = configuration.load(source).instance.log
    except ConfigError:
        log.start(threaded=True)
        return
    log.start(said.level, said.format, threaded=True)


def _and(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())
