"""
The commands about orders: `orders` lists them, `order` shows or places, `event` lets one happen.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
from pathlib import Path
from typing import Any

import click

from impexd.cli.common import asynchronously

TABLES = click.Choice(["text", "mermaid", "svg"])


@click.command()
@click.option("--state", multiple=True, help="Only orders in this state; may be said twice.")
@click.option("--shop", help="Only orders of this shop.")
@click.option("--search", help="Number (its beginning), delivery, tracking number or customer.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--before", type=int, help="Only orders older than this id.")
@click.option("--table", "drawing", type=TABLES, help="Draw the state table instead.")
@click.option("--order", help="With --table: mark where this order stands.")
@click.option(
    "--refused", is_flag=True, help="Orders of files that were refused when they came last."
)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def orders(
    source: Path,
    state: tuple[str, ...],
    shop: str | None,
    search: str | None,
    limit: int,
    before: int | None,
    drawing: str | None,
    order: str | None,
    *,
    refused: bool,
    as_json: bool,
) -> None:
    """List orders, newest first, with where their deliveries stand."""
    from impexd import commands as work

    if drawing is not None:
        click.echo(asynchronously(lambda: work.order_table(source, drawing, order)), nl=False)
        return
    query: dict[str, Any] = {"state": list(state) or None, "shop": shop, "search": search}
    at = "/api/v1/refused-orders" if refused else "/api/v1/orders"
    query = {} if refused else query | {"before": before}
    found = asynchronously(lambda: work.asked(source, at, limit=limit, **query))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        from impexd import show_orders as show

        (show.refused if refused else show.orders)(found)


@click.command()
@click.argument("number")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def order(source: Path, number: str, file: Path | None, *, as_json: bool) -> None:
    """
    Show an order by its NUMBER or id: where it is, how it got there, what may happen now.

    `impexd order place FILE` places the order, or the list of orders, in a JSON file.
    """
    from impexd import commands as work
    from impexd import show_orders as show

    if number == "place" and file is not None:
        return _place(source, file, as_json=as_json)
    if file is not None:
        raise click.UsageError("say `order NUMBER`, or `order place FILE`")
    found = asynchronously(lambda: work.asked(source, f"/api/v1/orders/{work.quoted(number)}"))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        show.order(found)
    return None


def _place(source: Path, file: Path, *, as_json: bool) -> None:
    from impexd import commands as work

    done = asynchronously(lambda: work.place_orders(source, file))
    refused = [one for one in done["orders"] if one["outcome"] == "refused"]
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        for one in done["orders"]:
            why = f": {one['reason']}" if one["reason"] else ""
            click.echo(f"{one['number']}: {one['outcome']}{why}")
    if refused:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("number")
@click.argument("event")
@click.option("--delivery", help="The delivery's number, if the order has several.")
@click.option("--note", help="Why; kept in the order's history.")
@click.option("--reference", help="Of a payment or a refund.")
@click.option("--tracking", help="The parcel's number, by which its courier is understood.")
@click.option("--carrier", help="Who carries it.")
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="REF=SHIPPED[:REJECTED]",
    help="With line_update: how much of a line is shipped and rejected by now.",
)
@click.option("--json", "as_json", is_flag=True, help="The order as it is then, for machines.")
@click.pass_obj
def event(
    source: Path,
    number: str,
    event: str,
    delivery: str | None,
    note: str | None,
    reference: str | None,
    tracking: str | None,
    carrier: str | None,
    lines: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Let EVENT happen to the order of this NUMBER or id; refused if the table has no line for it."""
    from impexd import commands as work
    from impexd import show_orders as show

    told = {
        "event": event,
        "delivery": delivery,
        "note": note,
        "reference": reference,
        "tracking": tracking,
        "carrier": carrier,
        "lines": [_line(one) for one in lines],
    }
    found = asynchronously(lambda: work.order_event(source, number, told))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        show.standing(found)


def _line(text: str) -> dict[str, str]:
    """Pure: `2=3:1` as the API has it."""
    ref, equals, quantities = text.rpartition("=")
    shipped, _, rejected = quantities.partition(":")
    if not equals or not ref:
        raise click.BadParameter(f"{text!r} is not REF=SHIPPED or REF=SHIPPED:REJECTED")
    found = {"ref": ref}
    if shipped:
        found["shipped"] = shipped
    if rejected:
        found["rejected"] = rejected
    return found
