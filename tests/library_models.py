"""Classes of a user's own that derive from those of libraries, as far as these are there: as ``library_cases``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module as lib
from importlib.util import find_spec
from typing import Any

PAYLOADS: dict[str, Callable[[], Any]] = {}

if find_spec("pandas"):

    class Frame(lib("pandas").DataFrame):  # type: ignore[misc]
        """What it keeps beside its columns does not travel: pandas pickles what ``_metadata`` names."""

    def _frame() -> Any:
        frame = Frame({"a": [1]})
        object.__setattr__(frame, "_source", "x")
        return frame

    PAYLOADS["pandas-lost-attribute-of-a-subclass"] = _frame

if find_spec("pydantic"):

    class Line(lib("pydantic").BaseModel):  # type: ignore[misc]
        sku: str
        count: int = 1

    class Order(lib("pydantic").BaseModel):  # type: ignore[misc]
        number: int
        lines: list[Line]

    PAYLOADS["pydantic-model"] = lambda: [Order(number=1, lines=[Line(sku="a"), Line(sku="b")])]

if find_spec("sqlalchemy"):

    class Row(lib("sqlalchemy.orm").declarative_base()):  # type: ignore[misc]
        __tablename__ = "rows"
        id = lib("sqlalchemy").Column(lib("sqlalchemy").Integer, primary_key=True)
        name = lib("sqlalchemy").Column(lib("sqlalchemy").String)

    class Item(lib("sqlalchemy.orm").declarative_base()):  # type: ignore[misc]
        """Its notes are kept in a class that SQLAlchemy makes at run time, and arrive in that one's base."""

        __tablename__ = "items"
        id = lib("sqlalchemy").Column(lib("sqlalchemy").Integer, primary_key=True)
        above = lib("sqlalchemy").Column(lib("sqlalchemy").ForeignKey("items.id"))
        parts = lib("sqlalchemy.orm").relationship(
            "Item", collection_class=lib("sqlalchemy.orm").attribute_keyed_dict("id")
        )

    PAYLOADS["sqlalchemy-keyed-dict"] = lambda: Item(id=1, parts={2: Item(id=2)})
    PAYLOADS["sqlalchemy-row"] = lambda: Row(id=3, name="a")

if find_spec("requests"):

    class Session(lib("requests").Session):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._token = "t"

    PAYLOADS["requests-lost-attribute-of-a-subclass"] = Session

if find_spec("wrapt") and find_spec("pandas"):

    class Wrapped(lib("wrapt").ObjectProxy):  # type: ignore[misc]
        """Its attributes are those of the frame in it, which pandas sets in another way as it loads."""

        def __reduce_ex__(self, protocol: Any) -> Any:
            return Wrapped, (self.__wrapped__,)

    PAYLOADS["wrapt-proxy-of-a-frame"] = lambda: Wrapped(lib("pandas").DataFrame({"a": [1]}))
