"""
What a query can name: `brand`, `name@de`, `product.brand.name@de`, and values to compare with.

`resolve` follows a name through the catalogue; ValueError says what is wrong, in words for the
person who wrote it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from impexd.core.text import shown
from impexd.model import ordered
from impexd.model.entity import Catalogue, Field, Kind, Type
from impexd.model.export import DELETED, MODE, OWN

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")

_OWN: Mapping[str, Field] = {
    name: Field(
        type=Type.TEXT if name == MODE else Type.BOOLEAN if name == DELETED else Type.INTEGER
    )
    for name in OWN
}


@dataclass(frozen=True, slots=True)
class Found:
    """A field, and the way to it."""

    chain: tuple[str, ...]
    """The references to follow, from the exported entity on."""
    name: str
    field: Field
    language: str = ""
    own: bool = False
    """Is it no field, but something of ours about the record?"""

    @property
    def type(self) -> Type:
        """The type of its values."""
        return Type.JSON if self.field.localized and not self.language else self.field.type


def resolve(text: str, kind: Kind, catalogue: Catalogue) -> Found:
    """Pure: find what a name means to an entity; ValueError says why it means nothing."""
    if text in _OWN:
        return Found((), text, _OWN[text], own=True)
    path, at, language = text.partition("@")
    *chain, name = path.split(".")
    if not all(_NAME.fullmatch(part) for part in (*chain, name)):
        raise ValueError("is no field, like `name`, `name@de` or `product.brand`")
    here: Kind | None = kind
    for step in chain:
        field = _field(here, step)
        if field.ref is None:
            raise ValueError(f"goes on behind `{step}`, which points at no entity")
        here = catalogue.get(field.ref)
        if here is None:
            raise ValueError(f"leads to {field.ref}, which is not declared")
    field = _field(here, name)
    if at and not field.localized:
        raise ValueError(f"asks for a language of `{name}`, which has none")
    pattern = _NAME if here is not None and ordered.ours(here) else _LANGUAGE
    if at and not pattern.fullmatch(language):
        raise ValueError("asks for a language that is none, write one like `name@de`")
    return Found(tuple(chain), name, field, language)


def _field(kind: Kind | None, name: str) -> Field:
    assert kind is not None
    if name not in kind.fields:
        raise ValueError(f"does not exist: {kind.name} has no field `{shown(name, limit=80)}`")
    return kind.fields[name]


def canonical(value: str | int | bool, type: Type) -> str | int:
    """Pure: a value of the configuration as the store holds such; ValueError says what is wrong."""
    match type:
        case Type.BOOLEAN:
            words = {"true": 1, "false": 0, "1": 1, "0": 0}
            if (found := words.get(str(value).lower())) is None:
                raise ValueError("true or false is wanted here")
            return found
        case Type.INTEGER:
            return _integer(value)
        case Type.DECIMAL:
            return _decimal(value)
        case Type.DATE:
            return _day(str(value))
        case Type.DATETIME:
            return _moment(str(value))
        case _:
            if not isinstance(value, str) or "\0" in value:
                raise ValueError("a text is wanted here")
            return value


def _integer(value: str | int | bool) -> int:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("a whole number is wanted here")
    return int(text)


def _decimal(value: str | int | bool) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or abs(number.adjusted()) > 38:
        raise ValueError('a number is wanted here, in quotes if it has a point: "12.50"')
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError('a day is wanted here, like "2026-01-31"') from None


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError('a moment is wanted here, like "2026-01-31T08:00:00Z"') from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def pointing(child: Kind, parent: Kind, by: str | None) -> str:
    """Pure: the field by which one entity points at another; ValueError says why there is none."""
    fields = [name for name, target in child.refs.items() if target == parent.name]
    if by is not None:
        if by not in fields:
            raise ValueError(f"is no field of {child.name} that points at {parent.name}")
        return by
    if not fields:
        raise ValueError(f"has no field that points at {parent.name}")
    if len(fields) > 1:
        raise ValueError(f"points at {parent.name} by {', '.join(fields)}; say which, as `by`")
    return fields[0]


Side = Literal["rows", "left", "gone"]
"""Records; records that do not fit the filter any more; records that were deleted."""
