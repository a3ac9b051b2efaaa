"""MessagePack by msgspec: the plain data of JSON, and bytes, in fewer bytes than pickle takes; what is more is lost.

A tuple and a set arrive as a list, a dataclass as a dict, an enum's member as its value, a UUID or a Decimal as text,
a bytearray as bytes, and what was one object in two places as two. Arrays, functions and most classes are refused.
"""

from __future__ import annotations

from typing import Any

from handoff.outcome import Kind
from handoff.payload import Trait
from handoff.strategies import _own
from handoff.strategies.codecs import BEFORE, BytesReceiver, BytesSender
from handoff.strategy import Channel, Codec, Ends, Recipe, Site, Strategy


def _encode(obj: Any) -> bytes:
    import msgspec.msgpack

    message: bytes = msgspec.msgpack.encode(obj)
    return message


def _decode(message: bytes) -> Any:
    import msgspec.msgpack

    return msgspec.msgpack.decode(message)


def _carry(site: Site) -> Ends:
    return BytesSender(_encode), BytesReceiver(_decode)


_AFTER = """
import multiprocessing as mp
import msgspec.msgpack

def work(message):
    return sum(msgspec.msgpack.decode(message))

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(pool.apply(work, (msgspec.msgpack.encode([1, 2, 3]),)))
"""

#: msgspec looks at classes, not at what pickle needs: nothing is asked of an object's own hooks.
_REFUSED = (
    *(Trait.CYCLE, Trait.DEEP, Trait.LOCAL_FUNCTION, Trait.OS_RESOURCE, Trait.LOCK, Trait.SYNCHRONIZED),
    *(Trait.SOCKET, Trait.INTERPRETER, Trait.BUFFER),
)

STRATEGIES = (
    Strategy(
        name="msgpack",
        pickled_as="",
        summary="msgspec.msgpack through a pipe: plain data alone, in a form that other languages read",
        meaning="a copy made of dict, list, str, bytes and numbers: a tuple or a set arrives as a list, an object of a "
        "dataclass as a dict",
        channel=Channel.PIPE,
        codec=Codec(_encode, _decode),
        carry=_carry,
        needs=("msgspec",),
        fails=tuple((trait, Kind.REFUSED) for trait in _REFUSED),
        late=1,
        recipe=Recipe(
            BEFORE,
            _AFTER,
            _own.sent("msgspec.msgpack.encode(obj)", "msgspec.msgpack.decode(message)", "msgspec.msgpack"),
        ),
    ),
)
