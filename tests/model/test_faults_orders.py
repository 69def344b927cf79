"""What is wrong with `[orders]` is told with its key and what would be right."""

from impexd.model.entity import Entity, kind
from impexd.model.faults import ordering
from impexd.model.ordering import Orders

STOCK = kind(
    "stock",
    Entity.model_validate(
        {
            "key": ("sku", "warehouse"),
            "field": {"sku": {}, "warehouse": {}, "quantity": {"type": "integer"}, "held": {}},
        },
        strict=False,
    ),
)


def told(**said: object) -> list[str]:
    orders = Orders.model_validate(said, strict=False)
    found = ordering.faults(orders, {"stock": STOCK}, ())
    return [f"{'.'.join(map(str, fault.path))}: {fault.what}" for fault in found]


def test_stock_that_is_kept_elsewhere_needs_no_entity() -> None:
    assert told() == []
    assert told(stock="stock", stock_fields={"reserved": "quantity"}) == []


def test_an_entity_that_is_none_and_fields_that_are_none_are_named() -> None:
    assert told(stock="stok") == [
        "orders.stock: there is no entity `stok`; did you mean `stock`?",
    ]
    assert told(stock="stock") == [
        "orders.stock_fields.reserved: entity stock has no field `reserved`; there is `held`, `quantity`, `sku`, `warehouse`",
    ]
    assert told(stock="stock", stock_fields={"reserved": "held", "sku": "held"}) == [
        "orders.stock_fields.reserved: `held` is no number",
        "orders.stock: the key of entity stock is sku, warehouse; it has to be the SKU and the warehouse",
    ]
