"""The commands about accounts: who may sign in to the pages, and what programs sign in with."""

import json
from pathlib import Path
from typing import Any

import click

from impexd.cli.common import asynchronously

_ROLE = click.Choice(["viewer", "operator", "approver", "admin"])


@click.group()
def user() -> None:
    """Accounts for the pages and tokens for programs."""


@user.command()
@click.pass_obj
def setup(source: Path) -> None:
    """Show a link that makes the first administrator."""
    _link(_asked(source, "post", "/api/v1/setup"))


@user.command()
@click.argument("name")
@click.option("--role", type=_ROLE, default="viewer", show_default=True)
@click.option("--group", "groups", multiple=True, help="A group they may see; all if none is said.")
@click.option("--shop", "shops", multiple=True, help="A shop they may see; all if none is said.")
@click.pass_obj
def add(
    source: Path, name: str, role: str, groups: tuple[str, ...], shops: tuple[str, ...]
) -> None:
    """Make an account, and show the link with which its owner chooses a password."""
    told = {"name": name, "role": role, "groups": list(groups or "*"), "shops": list(shops or "*")}
    _link(_asked(source, "post", "/api/v1/users", **told))


@user.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One object a line for machines.")
@click.pass_obj
def list_(source: Path, *, as_json: bool) -> None:
    """List the accounts."""
    found = _asked(source, "get", "/api/v1/users")["users"]
    if not found and not as_json:
        click.echo("there are no accounts yet: `impexd user setup` makes the first", err=True)
    for one in found:
        if as_json:
            click.echo(json.dumps(one, ensure_ascii=True))
            continue
        state = "disabled" if one["disabled"] else "invited" if one["invited"] else "active"
        grants = f"groups {', '.join(one['groups'])}; shops {', '.join(one['shops'])}"
        click.echo(f"{one['name']}  {one['role']}  {state}  {grants}")


@user.command()
@click.argument("name")
@click.pass_obj
def disable(source: Path, name: str) -> None:
    """Shut an account: its sessions and tokens end at once."""
    _asked(source, "post", f"/api/v1/users/{_id(source, name)}", disabled=True)
    click.echo(f"{name} is disabled")


@user.command()
@click.argument("name")
@click.pass_obj
def enable(source: Path, name: str) -> None:
    """Open an account again."""
    _asked(source, "post", f"/api/v1/users/{_id(source, name)}", disabled=False)
    click.echo(f"{name} is enabled")


@user.command()
@click.argument("name")
@click.pass_obj
def link(source: Path, name: str) -> None:
    """Show a link with which the owner of an account chooses a new password."""
    _link(_asked(source, "post", f"/api/v1/users/{_id(source, name)}/link"))


@user.command()
@click.argument("name")
@click.option("--label", required=True, help="What it is for.")
@click.option("--role", type=_ROLE, default="viewer", show_default=True)
@click.option("--group", "groups", multiple=True, help="A group it reaches; all if none is said.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 730))
@click.pass_obj
def token(
    source: Path, name: str, label: str, role: str, groups: tuple[str, ...], days: int
) -> None:
    """Make a token for programs, of the account NAME; shown this once."""
    told = {"name": label, "role": role, "groups": list(groups or "*"), "days": days}
    made = _asked(source, "post", "/api/v1/tokens", person=name, **told)
    click.echo(made["token"])
    click.echo(f"good until {made['until']}; send it as `Authorization: Bearer ...`", err=True)


def _link(made: dict[str, Any]) -> None:
    click.echo(made["link"])
    click.echo(f"good once, until {made['until']}", err=True)
    if "hint" in made:
        click.echo(f"hint: {made['hint']}", err=True)


def _id(source: Path, name: str) -> int:
    for one in _asked(source, "get", "/api/v1/users")["users"]:
        if one["name"] == name.strip().casefold():
            return int(one["id"])
    raise click.UsageError(f"there is no account {name}; `impexd user list` lists them")


def _asked(source: Path, what: str, path: str, **body: Any) -> dict[str, Any]:
    from impexd import commands as work

    return asynchronously(lambda: work.people(source, what, path, **body))
