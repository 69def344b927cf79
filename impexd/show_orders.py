"""Orders for people: a list, and one order with its history, on any terminal."""

from typing import Any

from rich.table import Table

from impexd.show import console, text


def refused(found: dict[str, Any]) -> None:
    """Print the orders of files that were refused, newest first."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "number", "at", "why"):
        table.add_column(name)
    for one in found["refused"]:
        at, why = text(one["at"][:19]), text(one["reason"], 200)
        table.add_row(str(one["run"]), text(one["number"], 40), at, why)
    out = console()
    out.print(table if found["refused"] else "no refused orders")
    if found["refused"]:
        out.print(text(found["hint"], 500))


def orders(found: dict[str, Any]) -> None:
    """Print orders, newest first."""
    table = Table(box=None, pad_edge=False)
    for name in ("id", "number", "shop", "state", "total", "payment", "placed", "deliveries"):
        table.add_column(name, justify="right" if name in ("id", "total") else "left")
    for one in found["orders"]:
        parts = ", ".join(f"{part['number']} {part['state']}" for part in one["deliveries"])
        total = f"{one['total']} {one['currency'] or ''}".strip() if one["total"] else ""
        table.add_row(
            str(one["id"]),
            text(one["number"], 40),
            text(one["shop"], 20),
            text(one["state"]),
            text(total),
            text(one["payment_state"]),
            text(one["placed"][:19]),
            text(parts, 120),
        )
    out = console()
    out.print(table if found["orders"] else "no such orders")
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(found["counts"].items()))
    if counts:
        out.print(f"[dim]{text(counts, 500)}[/dim]")


def standing(order: dict[str, Any]) -> None:
    """Print where an order is, and what may happen now."""
    out = console()
    out.print(f"order {text(order['number'])}  {text(order['state'])}  (id {order['id']})")
    for part in order["deliveries"]:
        why = f": {text(part['reason'])}" if part["reason"] else ""
        where = f" from {text(part['warehouse'])}" if part["warehouse"] else ""
        tracked = f", {text(part['tracking'])}" if part["tracking"] else ""
        out.print(
            f"  delivery {text(part['number'])}  {text(part['state'])}{why}"
            f"  [dim]{text(part['kind'])}{where}{tracked}[/dim]"
        )
        for line in part["lines"]:
            short = f", short {line['short']}" if line["short"] != "0" else ""
            out.print(
                f"    {text(line['ref'])}  {text(line['sku'])}  ordered {line['ordered']},"
                f" shipped {line['shipped']}, rejected {line['rejected']}{short}"
            )
    out.print(f"  legal now: {text(', '.join(order['legal']) or 'nothing', 1000)}")


def order(found: dict[str, Any]) -> None:
    """Print one order: where it is, how it got there."""
    standing(found)
    table = Table(box=None, pad_edge=False)
    for name in ("at", "about", "event", "from", "to", "by", "note"):
        table.add_column(name)
    for one in found["audit"]:
        table.add_row(
            text(one["at"][:19]),
            text(one["delivery"] or "order"),
            text(one["event"]),
            text(one["from_state"]),
            text(one["to_state"]),
            text(one["actor"], 40),
            text(one["note"]),
        )
    out = console()
    out.print(table)
    flags = ", ".join(
        f"{one['flag']}{' ' + one['delivery'] if one['delivery'] else ''} ({one['state']})"
        for one in found["flags"]
    )
    if flags:
        out.print(f"  flags: {text(flags, 2000)}")
