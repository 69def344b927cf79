"""
Orders as exports see them: kinds over our own tables, beside the declared entities.

They can be queried and nested as any entity, and filled by no descriptor: orders come in by their
own way.  Quantities and amounts are canonical text; of `customer`, `billing` and `shipping` one part
can be named as a language is: `customer@email`.  No change numbers are kept of them.
"""

from collections.abc import Mapping

from impexd.model.entity import Catalogue, Field, Kind, Type


def _kind(name: str, fields: str, **more: Field) -> Kind:
    texts = {one: Field(null=True) for one in fields.split()}
    return Kind(name, ("id",), {"id": Field(type=Type.INTEGER), **more, **texts}, name)


_PARTS = Field(localized=True, null=True)
_JSON = Field(type=Type.JSON, null=True)
_FLAG = Field(type=Type.BOOLEAN)


def _to(name: str) -> Field:
    return Field(type=Type.INTEGER, ref=name)


KINDS: Catalogue = {
    kind.name: kind
    for kind in (
        _kind(
            "orders",
            "number shop state customer_key currency total payment_method payment_state paid_at"
            " remarks source placed created changed",
            customer=_PARTS,
            billing=_PARTS,
            shipping=_PARTS,
            totals=_PARTS,
            payment=_PARTS,
            custom=_PARTS,
            cash_on_delivery=_FLAG,
            revision=Field(type=Type.INTEGER),
        ),
        _kind(
            "order_line",
            "ref sku name quantity price total",
            order_id=_to("orders"),
            custom=_PARTS,
        ),
        _kind(
            "delivery",
            "number kind state warehouse carrier method available tracking tracking_url"
            " estimated_from estimated_to status status_at reason released shipped delivered proof"
            " remarks",
            order_id=_to("orders"),
            extra=_JSON,
            guaranteed=_FLAG,
            confirmed=_FLAG,
        ),
        _kind(
            "delivery_line",
            "ref sku ordered shipped rejected returned invoice invoice_date remarks",
            delivery_id=_to("delivery"),
            line_id=_to("order_line"),
            extra=_JSON,
        ),
    )
}
"""Kinds that nobody declares; a declared entity of the same name comes before."""


def whole(catalogue: Mapping[str, Kind]) -> Catalogue:
    """Pure: all that an export can be made of."""
    return {**KINDS, **catalogue}


def ours(kind: Kind) -> bool:
    """Pure: is this one of them?"""
    return KINDS.get(kind.name) is kind
