"""`impexd backup`: all that cannot be made again, in one file, while the daemon goes on."""

import json
from pathlib import Path

import click

from impexd.cli.common import asynchronously


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def backup(source: Path, file: Path, *, as_json: bool) -> None:
    """Write database and configuration to FILE (a .tar.gz), also while the daemon runs."""
    from impexd import commands as work

    done = asynchronously(lambda: work.backup(source, file.absolute()))
    whole = done["database"] == "sqlite"
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        click.echo(f"{done['file']}: {done['bytes']:,} bytes, {len(done['files'])} files")
        if not whole:
            click.echo("the database is a server's and not in it; copy it with", err=True)
            click.echo("  pg_dump --format=custom --file=impexd.dump DATABASE", err=True)
    if not whole:
        raise click.exceptions.Exit(1)
