"""Records: the same thousand orders as instances of classes that libraries make.

The classes are made when somebody asks this module for them, here and in a worker that loads an instance: importing
the catalogue imports no library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handoff.declarations import Gap
from handoff.outcome import Kind
from handoff.payload import Duty, Payload, Trait
from payloads._gaps import MSGSPEC_SOURCE

FIELDS = ("number", "customer", "city", "amount", "paid")
ROWS = 1_000


def _rows(kind: Any) -> list[Any]:
    return [
        kind(number=row, customer=f"user{row:06d}", city=f"city {row % 50}", amount=row * 0.25, paid=row % 3 == 0)
        for row in range(ROWS)
    ]


def _pydantic() -> Any:
    import pydantic

    class Order(pydantic.BaseModel):  # type: ignore[misc]  # whatever is installed, it is Any here
        number: int
        customer: str
        city: str
        amount: float
        paid: bool

    return Order


def _attrs() -> Any:
    import attrs

    @attrs.define
    class Order:
        number: int
        customer: str
        city: str
        amount: float
        paid: bool

    return Order


def _msgspec() -> Any:
    import msgspec

    class Order(msgspec.Struct):  # type: ignore[misc, unused-ignore]  # Any in some environments
        number: int
        customer: str
        city: str
        amount: float
        paid: bool

    return Order


def _sqlalchemy() -> Any:
    import sqlalchemy as sa
    from sqlalchemy import orm

    class Order(orm.declarative_base()):  # type: ignore[misc]  # a class that is made when it is called
        __tablename__ = "orders"
        number = sa.Column(sa.Integer, primary_key=True)
        customer = sa.Column(sa.String)
        city = sa.Column(sa.String)
        amount = sa.Column(sa.Float)
        paid = sa.Column(sa.Boolean)

    return Order


CLASSES: dict[str, Callable[[], Any]] = {
    "PydanticOrder": _pydantic,
    "AttrsOrder": _attrs,
    "MsgspecOrder": _msgspec,
    "SqlalchemyOrder": _sqlalchemy,
}


def __getattr__(name: str) -> Any:
    """A class of :data:`CLASSES`, made when it is first asked for (PEP 562), under this module's name."""
    if name not in CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kind = CLASSES[name]()
    kind.__qualname__ = kind.__name__ = name
    globals()[name] = kind
    return kind


class _Orders:
    """A thousand of one class."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> Any:
        return _rows(globals().get(self.name) or __getattr__(self.name))


def touch_orders(obj: list[Any]) -> int:
    """Every field of every order; text by its length."""
    return sum(order.number + len(order.customer) + len(order.city) + int(order.amount) + order.paid for order in obj)


PAYLOADS = tuple(
    Payload(
        name=f"records-{library}-1k",
        make=_Orders(kind),
        touch=touch_orders,
        traits=frozenset({Trait.ELEMENTS} if library == "attrs" else {Trait.ELEMENTS, Trait.ONE_INTERPRETER}),
        duties=frozenset({Duty.ARGUMENT, Duty.RESULT}),
        needs=(library,),
        why=f"{ROWS:,} orders of five fields, as {what}: what an instance costs beside a dict of the same.",
        source=source,
    )
    for library, kind, what, source in (
        ("pydantic", "PydanticOrder", "a web API validates them", "pydantic documentation, Models"),
        ("attrs", "AttrsOrder", "slotted classes without validation", "attrs documentation, On Slotted Classes"),
        ("msgspec", "MsgspecOrder", "a decoder in C makes them", "msgspec documentation, Structs"),
        ("sqlalchemy", "SqlalchemyOrder", "rows of a mapped class", "SQLAlchemy manual, Session Basics, pickling"),
    )
)

GAPS = (
    *(
        Gap(payload=name, strategy="msgpack", outcome=outcome, reason=reason, source=MSGSPEC_SOURCE)
        for name, outcome, reason in (
            ("records-pydantic-1k", Kind.REFUSED, "has a class that msgspec does not know"),
            ("records-sqlalchemy-1k", Kind.REFUSED, "has a class that msgspec does not know"),
            ("records-attrs-1k", Kind.BROKEN, "an object arrives as a dict, without its attributes"),
            ("records-msgspec-1k", Kind.BROKEN, "an object arrives as a dict, without its attributes"),
        )
    ),
)
