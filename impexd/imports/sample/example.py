"""
Likely texts for a cell: what the column and the field it fills would take.

Pure.  Each text is tried on the import's own conversion by whoever asks, so the first that holds is
as typical as may be.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from impexd.imports import cell
from impexd.imports.cell import Value
from impexd.imports.sample import pattern
from impexd.imports.values import Bad
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type

MOMENT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)

TYPICAL = (
    "EUR", "DE", "en", "4006381333931", "SHOP1", "main", "standard", "A-1", "A1", "1", "0", "true",
    "info@example.com", "https://example.com/", "12345", "+49 30 123456", "2026-01-31", "9.90", "M",
)  # fmt: skip
"""What stands in the cells of shops."""

BY_WORD = {
    "currency": "EUR",
    "country": "DE",
    "language": "en",
    "barcode": "4006381333931",
    "email": "info@example.com",
    "phone": "+49 30 123456",
    "url": "https://example.com/",
    "uri": "example",
    "city": "Berlin",
    "postcode": "10115",
    "quantity": "5",
    "rank": "1",
    "tier": "1",
    "weight": "1.5",
    "list": "9.90",
    "price": "9.90",
    "sale": "7.90",
    "cost": "5.50",
}
"""A field so named -> what it would hold."""

Convert = Callable[[str], Value]


def converting(column: Column, field: Field) -> Convert:
    """Give the conversion of a cell's text; it raises `Bad`."""
    finish = cell.finishing(column, field)
    return lambda text: finish(text)


def texts(column: Column, field: Field, name: str) -> Iterator[str]:
    """Pure: texts for a cell that fills the field called `name`, the likeliest first."""
    if column.map is not None:
        yield from column.map
    if column.regex is not None:
        yield from _matching(column.regex)
    if field.values is not None:
        yield from field.values
    kind = column.type or field.type
    if kind is not Type.TEXT:
        yield from _typed(kind, column, field, name)
    elif named := BY_WORD.get(name):
        yield named
    if field.pattern is not None:
        yield from _matching(field.pattern)
    if kind is Type.TEXT:
        language = column.target.partition("@")[2]
        label = name.replace("_", " ").capitalize()
        yield f"{label} ({language})" if language else f"{label} 1"
        yield f"{name}-1"
    yield from TYPICAL
    if column.regex or field.pattern:
        yield from pattern.texts(column.regex or field.pattern or "")


def fits(convert: Convert, text: str) -> bool:
    """Pure: does the import take this text?"""
    try:
        convert(text)
    except Bad:
        return False
    return True


def _matching(expression: str) -> Iterator[str]:
    """Pure: typical texts first, then what the expression itself says."""
    yield from TYPICAL
    yield from pattern.texts(expression)


def _typed(kind: Type, column: Column, field: Field, name: str) -> Iterator[str]:
    match kind:
        case Type.INTEGER | Type.DECIMAL:
            bounds = [str(one) for one in (field.min, field.most) if one is not None]
            for text in [BY_WORD.get(name, "1"), "1", "9.90", "0", *bounds]:
                yield text.replace(".", column.decimal)
        case Type.BOOLEAN:
            yield from (*column.true[:1], *column.false[:1])
        case Type.DATE | Type.DATETIME if column.format:
            yield MOMENT.strftime(column.format)
        case Type.DATE:
            yield MOMENT.date().isoformat()
        case Type.DATETIME:
            yield MOMENT.isoformat().replace("+00:00", "Z")
        case Type.JSON:
            yield '{"example":1}'
