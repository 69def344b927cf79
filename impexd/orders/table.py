"""
The table: every way an order and a delivery can go, one line each.

A line says: in one of these states (`sources`), on this `event`, where the `case` holds, it goes
to `target` (none: it stays) and has these effects; `unless` gives a reason to refuse, or "".
Everything else about the state machine is a look-up in here; what this table does not hold does
not happen.  `check.faults` holds it to being whole, `draw` shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from impexd.model.order import (
    Delivery,
    DeliveryEvent,
    DeliveryState,
    Flag,
    Kind,
    Order,
    OrderEvent,
    OrderState,
    Payment,
)


class Effect(StrEnum):
    """What a line does beside moving."""

    RESERVE = "reserve stock"
    DEBIT = "debit stock"
    """And give up the reservation."""
    RELEASE = "release reservation"
    CREDIT = "credit stock"
    RESTOCK = "put returned goods into stock"
    SETTLE = "credit stock with what was rejected"
    RESERVE_ALL = "each delivery: reserve"
    START = "deliveries start"
    CANCEL_ALL = "deliveries are cancelled"
    RETURN_ALL = "shipped deliveries are returned, the others cancelled"
    PROGRESS = "progress"
    PAID = "payment is noted"
    PAYING = "payment is under way"
    UNPAID = "payment has failed"
    REFUNDED = "refund is noted"


class Case(Enum):
    """
    What is asked where one state and event lead to several places: a question and one answer.

    The lines of one state and event ask the same question, each with another answer.
    """

    APPROVAL_WANTED = ("approval", "a rule asks for approval")
    NO_APPROVAL = ("approval", "no rule asks for approval")
    MONEY_TAKEN = ("money", "money was taken")
    NO_MONEY = ("money", "no money was taken")
    ENOUGH = ("stock", "enough on hand")
    SHORT = ("stock", "too little on hand")
    STANDARD = ("kind", "standard")
    PREORDER = ("kind", "pre-order")
    BACKORDER = ("kind", "back-order")
    ELECTRONIC = ("kind", "electronic")
    SOME_SHIPPED = ("progress", "some are shipped")
    ALL_SHIPPED = ("progress", "all are shipped")

    def __init__(self, question: str, says: str) -> None:
        self.question = question
        self.says = says


ANSWERS = {
    case.question: frozenset(other for other in Case if other.question == case.question)
    for case in Case
}
"""Question -> all its answers."""

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
Unless = Callable[[Order, Delivery | None], str]


def never(_order: Order, _delivery: Delivery | None) -> str:
    """Refuse nothing."""
    return ""


@dataclass(frozen=True, slots=True)
class Rule(Generic[S, E]):
    """One line of the table."""

    sources: tuple[S, ...]
    """Empty: there is nothing yet."""
    event: E
    target: S | None
    """None: it stays where it is."""
    effects: tuple[Effect, ...] = ()
    flags: tuple[Flag, ...] = ()
    """Of an order: for it and each of its deliveries, but COMPLETED for it alone."""
    case: Case | None = None
    unless: Unless = never
    through: tuple[E, ...] = ()
    """The events that are walked one by one to get to the target."""


D, V, O, W = DeliveryState, DeliveryEvent, OrderState, OrderEvent  # noqa: E741 (columns are narrow)
AT_COURIER = (D.RELEASED, D.SHIPPED, D.DELIVERED, D.ATTENTION)
MOVING = (O.IN_PROGRESS, O.PARTIALLY_SHIPPED)
"""Orders whose deliveries may move."""
WAITING = (D.AWAITING_DATE, D.AWAITING_STOCK)


def courier_has_some(order: Order, _delivery: Delivery | None) -> str:
    """Refused while a delivery is with the courier: that is returned."""
    gone = [one for one in order.deliveries if one.state in AT_COURIER]
    here = [one.number for one in gone if stays(one)]
    away = [one.number for one in gone if not stays(one)]
    told = [
        f"delivery {', '.join(numbers)} {why}"
        for numbers, why in ((away, "is with the courier: return it instead"), (here, STAYS))
        if numbers
    ]
    return "; ".join(told)


STAYS = "needs a person, and never left: let it `return` first"


def stays(delivery: Delivery) -> bool:
    """Is it in trouble without the courier ever having had it: all of it was rejected?"""
    return delivery.state is D.ATTENTION and delivery.released is None and delivery.shipped is None


def courier_has_it(_order: Order, delivery: Delivery | None) -> str:
    """Refused: it is with the courier, and returned instead."""
    if delivery is None:
        return ""
    why = STAYS if stays(delivery) else "is with the courier: return it instead"
    return f"delivery {delivery.number} {why}"


def all_is_gone(_order: Order, _delivery: Delivery | None) -> str:
    """Refused: nothing is left that could be cancelled."""
    return "everything has been shipped: it can be `returned`, and not cancelled any more"


def paid_already(order: Order, _delivery: Delivery | None) -> str:
    """Refused unless it is to be paid with the parcel and is not paid yet."""
    if not order.cash_on_delivery:
        return "payment has been confirmed already"
    return "payment has been confirmed already" if order.payment_state is Payment.CONFIRMED else ""


def not_on_delivery(order: Order, _delivery: Delivery | None) -> str:
    """Refused unless it is to be paid with the parcel."""
    return "" if order.cash_on_delivery else "this order is not to be paid with the parcel"


def has_no_date(_order: Order, delivery: Delivery | None) -> str:
    """Refused unless it has a day to wait for."""
    return "" if delivery and delivery.available else "it has no day to wait for"


def preordered(_order: Order, delivery: Delivery | None) -> str:
    """Refused unless it is a standard delivery; the others `start`."""
    if delivery is None or delivery.kind is Kind.STANDARD:
        return ""
    return f"a delivery of kind {delivery.kind} is started, not allocated"


def nothing_left(_order: Order, delivery: Delivery | None) -> str:
    """Refused once everything it took has been put back."""
    lines = delivery.lines if delivery else ()
    there = any(line.debited > 0 for line in lines)
    return "" if there else "everything it took from stock has been put back"


# fmt: off
ORDER: tuple[Rule[OrderState, OrderEvent], ...] = (
    # from                                        on                    to                          effects · flags · case
    Rule((),                                      W.PLACED,             O.PENDING,                  (Effect.RESERVE_ALL,)),
    Rule((O.PENDING, O.AWAITING_PAYMENT),         W.AMENDED,            None,                       (Effect.RESERVE_ALL,)),
    Rule((O.PENDING,),                            W.PAYMENT_PENDING,    O.AWAITING_PAYMENT,         (Effect.PAYING,)),
    Rule((O.PENDING, O.AWAITING_PAYMENT),         W.PAYMENT_CONFIRMED,  O.IN_PROGRESS,              (Effect.PAID, Effect.START), (Flag.INITPAID,), Case.NO_APPROVAL),
    Rule((O.PENDING, O.AWAITING_PAYMENT),         W.PAYMENT_CONFIRMED,  O.AWAITING_APPROVAL,        (Effect.PAID,), case=Case.APPROVAL_WANTED),
    Rule((O.PENDING,),                            W.CASH_ON_DELIVERY,   O.IN_PROGRESS,              (Effect.START,), (Flag.INITPAID,), Case.NO_APPROVAL, not_on_delivery),
    Rule((O.PENDING,),                            W.CASH_ON_DELIVERY,   O.AWAITING_APPROVAL,        case=Case.APPROVAL_WANTED, unless=not_on_delivery),
    Rule((O.PENDING, O.AWAITING_PAYMENT),         W.PAYMENT_FAILED,     O.CANCELLED,                (Effect.UNPAID, Effect.CANCEL_ALL), (Flag.CANCELLED,)),
    Rule((O.AWAITING_APPROVAL,),                  W.APPROVED,           O.IN_PROGRESS,              (Effect.START,), (Flag.INITPAID,)),
    Rule((O.AWAITING_APPROVAL,),                  W.DECLINED,           O.CANCELLED,                (Effect.CANCEL_ALL,), (Flag.CANCELLED,), Case.NO_MONEY),
    Rule((O.AWAITING_APPROVAL,),                  W.DECLINED,           O.CANCELLED_REFUND_PENDING, (Effect.CANCEL_ALL,), (Flag.CANCELLED,), Case.MONEY_TAKEN),
    # An order is cancelled whole or not at all; partially_shipped has a delivery with the courier.
    Rule((O.PENDING, O.AWAITING_PAYMENT,
          O.AWAITING_APPROVAL, O.IN_PROGRESS,
          O.PARTIALLY_SHIPPED),                   W.CANCELLED,          O.CANCELLED,                (Effect.CANCEL_ALL,), (Flag.CANCELLED,), Case.NO_MONEY, courier_has_some),
    Rule((O.PENDING, O.AWAITING_PAYMENT,
          O.AWAITING_APPROVAL, O.IN_PROGRESS,
          O.PARTIALLY_SHIPPED),                   W.CANCELLED,          O.CANCELLED_REFUND_PENDING, (Effect.CANCEL_ALL,), (Flag.CANCELLED,), Case.MONEY_TAKEN, courier_has_some),
    Rule((O.COMPLETED,),                          W.CANCELLED,          None,                       unless=all_is_gone),
    # Money that comes for a cancelled order must go back: else who paid a minute late is never repaid.
    Rule((O.CANCELLED,),                          W.PAYMENT_CONFIRMED,  O.CANCELLED_REFUND_PENDING, (Effect.PAID,)),
    # Cash on delivery is paid at the door, mostly when everything is shipped.
    Rule(MOVING,                                  W.PAYMENT_CONFIRMED,  None,                       (Effect.PAID, Effect.PROGRESS), unless=paid_already),
    Rule((O.PARTIALLY_SHIPPED, O.COMPLETED),      W.RETURNED,           O.RETURNED,                 (Effect.RETURN_ALL,), (Flag.RETURNED,), Case.NO_MONEY),
    Rule((O.PARTIALLY_SHIPPED, O.COMPLETED),      W.RETURNED,           O.RETURNED_REFUND_PENDING,  (Effect.RETURN_ALL,), (Flag.RETURNED,), Case.MONEY_TAKEN),
    Rule((O.CANCELLED_REFUND_PENDING,),           W.REFUND_CONFIRMED,   O.CANCELLED,                (Effect.REFUNDED,)),
    Rule((O.RETURNED_REFUND_PENDING,),            W.REFUND_CONFIRMED,   O.RETURNED,                 (Effect.REFUNDED,)),
    # Derived from the deliveries by `progress.of`; nobody sends this event.
    Rule((O.IN_PROGRESS,),                        W.PROGRESS,           O.PARTIALLY_SHIPPED,        case=Case.SOME_SHIPPED),
    Rule(MOVING,                                  W.PROGRESS,           O.COMPLETED,                flags=(Flag.COMPLETED,), case=Case.ALL_SHIPPED),
)

DELIVERY: tuple[Rule[DeliveryState, DeliveryEvent], ...] = (
    # from                                        on                    to                 effects · flags · case
    Rule((D.NEW,),                                V.RESERVE,            D.RESERVED,        (Effect.RESERVE,)),
    Rule((D.RESERVED,),                           V.ALLOCATE,           D.ALLOCATED,       (Effect.DEBIT,), case=Case.ENOUGH, unless=preordered),
    Rule((D.RESERVED,),                           V.ALLOCATE,           D.AWAITING_STOCK,  case=Case.SHORT, unless=preordered),
    Rule((D.RESERVED,),                           V.START,              D.AWAITING_DATE,   case=Case.PREORDER, unless=has_no_date),
    Rule((D.RESERVED,),                           V.START,              D.AWAITING_STOCK,  case=Case.BACKORDER),
    Rule((D.RESERVED,),                           V.START,              D.RELEASED,        flags=(Flag.DELIVERY,), case=Case.ELECTRONIC),
    Rule((D.AWAITING_DATE,),                      V.DATE_REACHED,       D.ALLOCATED,       (Effect.DEBIT,), case=Case.ENOUGH),
    Rule((D.AWAITING_DATE,),                      V.DATE_REACHED,       D.AWAITING_STOCK,  case=Case.SHORT),
    Rule((D.AWAITING_STOCK,),                     V.STOCK_ARRIVED,      D.ALLOCATED,       (Effect.DEBIT,), case=Case.ENOUGH),
    Rule((D.ALLOCATED,),                          V.PACK,               D.PACKING),
    Rule((D.PACKING,),                            V.PACKED,             D.READY),
    Rule((D.READY,),                              V.RELEASE,            D.RELEASED,        flags=(Flag.DELIVERY,)),
    Rule((D.RELEASED,),                           V.SHIP,               D.SHIPPED,         (Effect.PROGRESS,), (Flag.SHIPPED,)),
    # A courier may speak before the clerk: the steps between are walked one by one.
    Rule((D.RESERVED,),                           V.SHIP,               D.SHIPPED,         case=Case.STANDARD,   through=(V.ALLOCATE, V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.RESERVED,),                           V.SHIP,               D.SHIPPED,         case=Case.PREORDER,   through=(V.START, V.DATE_REACHED, V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.RESERVED,),                           V.SHIP,               D.SHIPPED,         case=Case.BACKORDER,  through=(V.START, V.STOCK_ARRIVED, V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.RESERVED,),                           V.SHIP,               D.SHIPPED,         case=Case.ELECTRONIC, through=(V.START, V.SHIP)),
    Rule((D.AWAITING_DATE,),                      V.SHIP,               D.SHIPPED,         through=(V.DATE_REACHED, V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.AWAITING_STOCK,),                     V.SHIP,               D.SHIPPED,         through=(V.STOCK_ARRIVED, V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.ALLOCATED,),                          V.SHIP,               D.SHIPPED,         through=(V.PACK, V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.PACKING,),                            V.SHIP,               D.SHIPPED,         through=(V.PACKED, V.RELEASE, V.SHIP)),
    Rule((D.READY,),                              V.SHIP,               D.SHIPPED,         through=(V.RELEASE, V.SHIP)),
    Rule((D.SHIPPED,),                            V.DELIVER,            D.DELIVERED,       (Effect.PROGRESS,)),
    Rule((D.RELEASED,),                           V.DELIVER,            D.DELIVERED,       through=(V.SHIP, V.DELIVER)),
    Rule((D.RELEASED, D.SHIPPED),                 V.FAIL,               D.ATTENTION),
    # A supplier who rejects every line has nothing to ship: a person decides, before a courier has it.
    Rule((D.RESERVED, *WAITING, D.ALLOCATED,
          D.PACKING, D.READY),                    V.FAIL,               D.ATTENTION),
    Rule((D.ATTENTION,),                          V.SHIP,               D.SHIPPED,         (Effect.DEBIT, Effect.PROGRESS), (Flag.SHIPPED,)),
    Rule((D.ATTENTION,),                          V.DELIVER,            D.DELIVERED,       through=(V.SHIP, V.DELIVER)),
    Rule((D.RELEASED, D.SHIPPED, D.DELIVERED,
          D.ATTENTION),                           V.RETURN,             D.RETURNED,        (Effect.RELEASE, Effect.PROGRESS)),
    Rule((D.RETURNED,),                           V.RESTOCK,            None,              (Effect.RESTOCK,), unless=nothing_left),
    Rule((D.NEW, D.RESERVED, *WAITING),           V.CANCEL,             D.CANCELLED,       (Effect.RELEASE, Effect.PROGRESS)),
    Rule((D.ALLOCATED, D.PACKING, D.READY),       V.CANCEL,             D.CANCELLED,       (Effect.CREDIT, Effect.PROGRESS)),
    Rule(AT_COURIER,                              V.CANCEL,             None,              unless=courier_has_it),
    Rule(tuple(D),                                V.LINE_UPDATE,        None,              (Effect.SETTLE,), (Flag.DELIVERY,)),
)
# fmt: on

ORDER_ENDS = frozenset({O.RETURNED})
DELIVERY_ENDS = frozenset({D.CANCELLED})
"""What nothing leaves.  Goods of a returned delivery may still be put back into stock."""
