"""Containers: the same 1,000 rows in five shapes, a page of text, nesting and sets. The shape is what costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from handoff.payload import Duty, Payload, Trait

FIELDS = ("number", "customer", "email", "city", "amount", "paid", "placed")
CITIES = tuple(f"City {index:02d}" for index in range(50))


class OrderTuple(NamedTuple):
    number: int
    customer: str
    email: str
    city: str
    amount: float
    paid: bool
    placed: str


@dataclass
class OrderData:
    number: int
    customer: str
    email: str
    city: str
    amount: float
    paid: bool
    placed: str


class OrderSlots:
    """A row without a ``__dict__``: pickle moves it as a pair (None, slots)."""

    __slots__ = FIELDS

    def __init__(
        self,
        number: int,
        customer: str,
        email: str,
        city: str,
        amount: float,
        paid: bool,
        placed: str,
    ) -> None:
        self.number = number
        self.customer = customer
        self.email = email
        self.city = city
        self.amount = amount
        self.paid = paid
        self.placed = placed


def rows_tuple() -> list[tuple[int, str, str, str, float, bool, str]]:
    """The rows that the other four shapes are made of: 1,000 orders, five unique columns, one of 50 cities."""
    return [
        (
            index * 101,
            f"Customer {index:05d}",
            f"customer{index:05d}@example.org",
            CITIES[index % 50],
            index * 0.25,
            index % 3 == 0,
            f"2025-{index % 12 + 1:02d}-{index % 28 + 1:02d}T12:{index % 60:02d}:00",
        )
        for index in range(1_000)
    ]


def rows_dict() -> list[dict[str, Any]]:
    return [dict(zip(FIELDS, row, strict=True)) for row in rows_tuple()]


def rows_namedtuple() -> list[OrderTuple]:
    return [OrderTuple(*row) for row in rows_tuple()]


def rows_dataclass() -> list[OrderData]:
    return [OrderData(*row) for row in rows_tuple()]


def rows_slots() -> list[OrderSlots]:
    return [OrderSlots(*row) for row in rows_tuple()]


def touch_rows_tuple(obj: Iterable[Any]) -> int:
    """Each field of each row, column by column in C; the same sum for every shape of the rows."""
    keys, customers, emails, cities, amounts, paid, placed = zip(*obj, strict=True)
    total: int = sum(keys) + int(sum(amounts)) + sum(paid)
    for column in (customers, emails, cities, placed):
        total += sum(map(len, column))
    return total


_items = itemgetter(*FIELDS)
_attributes = attrgetter(*FIELDS)


def touch_rows_dict(obj: list[dict[str, Any]]) -> int:
    return touch_rows_tuple(map(_items, obj))


def touch_rows_attributes(obj: list[Any]) -> int:
    return touch_rows_tuple(map(_attributes, obj))


def html_128kib() -> str:
    """A product list page, 131,072 characters, one in about 70 of them outside ASCII."""
    item = (
        '<li class="product" id="p{0:05d}"><a href="/products/{0:05d}"><img src="/img/{0:05d}.webp" alt="Product {0}">'
        "<h3>Product {0} \u2014 caf\u00e9</h3></a><p>In stock, ships in {1} days.</p></li>\n"
    )
    text = "<!doctype html>\n<html><head><title>Products</title></head><body><ul>\n"
    text += "".join(item.format(index, index % 7 + 1) for index in range(800))
    return text[: 128 * 1024]


def touch_html(obj: str) -> int:
    """Characters and list items: the search goes over every character at memory speed."""
    return len(obj) + obj.count("\n") * 1_000


def nested_50() -> dict[str, Any]:
    """50 levels, dicts and lists in turn, three items a level."""
    inner: Any = {"leaf": 1}
    for level in range(50):
        inner = {"level": level, "name": f"level-{level}", "next": inner} if level % 2 else [level, "list", inner]
    top: dict[str, Any] = inner
    return top


def touch_nested(obj: Any) -> int:
    total = 0
    while True:
        if isinstance(obj, list):
            total += obj[0] + len(obj[1])
            obj = obj[2]
        elif "next" in obj:
            total += obj["level"] + len(obj["name"])
            obj = obj["next"]
        else:
            return total + int(obj["leaf"])


def sets_1k() -> tuple[set[int], frozenset[str]]:
    """A set of 1,000 ids and a frozenset of 1,000 words; their order differs from process to process."""
    return set(range(0, 97_000, 97)), frozenset(f"word{index:05d}" for index in range(1_000))


def touch_sets(obj: tuple[set[int], frozenset[str]]) -> int:
    ids, words = obj
    return sum(ids) + sum(map(len, words))


def facts_sets(obj: tuple[set[int], frozenset[str]]) -> Mapping[str, Any]:
    ids, words = obj
    return {
        "types": [type(ids).__name__, type(words).__name__],
        "ids": sorted(ids),
        "words": sorted(words),
        "found": ["word00500" in words, "word99999" in words, 970 in ids, 971 in ids],
    }


ARGUMENT = frozenset({Duty.ARGUMENT})
OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure
ROWS = (
    "1,000 orders of seven fields, SQLAlchemy's default page of a bulk insert; every shape is 80 to 110 KB of pickle, "
    "past the 65,536 bytes of a pipe"
)
ROWS_SOURCE = "SQLAlchemy manual, insertmanyvalues_page_size"

PAYLOADS = (
    Payload(
        name="rows-dict-1k",
        make=rows_dict,
        touch=touch_rows_dict,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT | {Duty.RESULT},
        why=f"{ROWS}. As a JSON API or csv.DictReader gives them: the keys are written once, referred to 1,000 times.",
        source=f"{ROWS_SOURCE}; articles/002",
    ),
    Payload(
        name="rows-tuple-1k",
        make=rows_tuple,
        touch=touch_rows_tuple,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why=f"{ROWS}. As a database cursor gives them: no keys at all.",
        source=f"{ROWS_SOURCE}; PEP 249, fetchmany",
    ),
    Payload(
        name="rows-namedtuple-1k",
        make=rows_namedtuple,
        touch=touch_rows_tuple,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why=f"{ROWS}. Each row is made by calling its class: what a name for each field costs.",
        source=f"{ROWS_SOURCE}; collections.namedtuple (Python manual)",
    ),
    Payload(
        name="rows-dataclass-1k",
        make=rows_dataclass,
        touch=touch_rows_attributes,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT | {Duty.RESULT},
        why=f"{ROWS}. Each row is an object and its dict: the shape that new code is written in.",
        source=f"{ROWS_SOURCE}; dataclasses (Python manual)",
    ),
    Payload(
        name="rows-slots-1k",
        make=rows_slots,
        touch=touch_rows_attributes,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why=f"{ROWS}. Slots save memory; their state travels as a pair with a dict made for the journey. Protocols 0 "
        "and 1 refuse it.",
        source=f"{ROWS_SOURCE}; pickle manual, object.__getstate__",
    ),
    Payload(
        name="html-128kib",
        make=html_128kib,
        touch=touch_html,
        duties=ARGUMENT | {Duty.RESULT},
        why="A page that a scraper hands to its parser. The median page's HTML is 18 KB compressed on the wire, some "
        "7 times that as text; an em dash makes Python store two bytes a character, and pickle encode UTF-8.",
        source="articles/001 (the scraper); HTTP Archive, Web Almanac 2024, page weight",
    ),
    Payload(
        name="nested-50",
        make=nested_50,
        touch=touch_nested,
        traits=frozenset({Trait.ELEMENTS}),
        duties=OUTCOME,
        why="A syntax tree or a document of 50 levels: deep for data, and well within every pickler; dill, written in "
        "Python, reaches the recursion limit of 1,000 first.",
        source="articles/000; pickle manual, on RecursionError",
    ),
    Payload(
        name="sets-1k",
        make=sets_1k,
        touch=touch_sets,
        facts=facts_sets,
        duties=OUTCOME,
        why="Seen ids and stop words. Both are hashed anew on arrival, and the words in another order wherever "
        "PYTHONHASHSEED differs.",
        source="articles/002; PEP 3154 (opcodes for sets)",
    ),
)
