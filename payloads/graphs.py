"""Graphs: objects that refer to each other. Cycles are carried; depth is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handoff.payload import Duty, Payload, Trait

DEEP = (
    20_000  #: links: beyond the recursion limit of every Python, and what its C pickler bears (3,333 objects on 3.13)
)
SHALLOW = 150  #: links: under the 332 objects that the C pickler of 3.11 bears, over the 123 that dill bears


class Node:
    """A node with a name and one reference."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.other: Node | None = None


def cycle_two() -> Node:
    first, second = Node("A"), Node("B")
    first.other, second.other = second, first
    return first


def touch_cycle(obj: Node) -> int:
    other = obj.other
    assert other is not None
    assert other.other is obj
    return ord(obj.name) + ord(other.name)


def facts_cycle(obj: Node) -> Mapping[str, Any]:
    other = obj.other
    return {
        "names": [obj.name, getattr(other, "name", None)],
        "the cycle closes": other is not None and other.other is obj,
        "the two differ": other is not obj,
    }


class TreeNode:
    """A node that knows its children and its parent: each link is a cycle."""

    def __init__(self, number: int, parent: TreeNode | None) -> None:
        self.number = number
        self.parent = parent
        self.children: list[TreeNode] = []


def tree_parents_1k() -> TreeNode:
    """1,111 nodes in four levels, ten children each."""
    root = TreeNode(0, None)
    level, number = [root], 1
    for _ in range(3):
        below = []
        for parent in level:
            for _ in range(10):
                parent.children.append(TreeNode(number, parent))
                number += 1
            below += parent.children
        level = below
    return root


def touch_tree(obj: TreeNode) -> int:
    """Each node, and each link up as well as down."""
    total, stack = 0, [obj]
    while stack:
        node = stack.pop()
        total += node.number
        for child in node.children:
            if child.parent is not node:
                total += 1_000_003
        stack += node.children
    return total


def facts_tree(obj: TreeNode) -> Mapping[str, Any]:
    order, up, stack = [], True, [obj]
    while stack:
        node = stack.pop()
        order.append(node.number)
        up = up and all(child.parent is node for child in node.children)
        stack += node.children
    return {
        "numbers in order": order,
        "every parent link leads back": up,
        "the root has no parent": obj.parent is None,
    }


def tree_ids_1k() -> list[dict[str, int | list[int] | None]]:
    """The same 1,111 nodes as a table: links are positions in it."""
    return [
        {
            "number": number,
            "parent": (number - 1) // 10 if number else None,
            "children": list(range(number * 10 + 1, number * 10 + 11)) if number < 111 else [],
        }
        for number in range(1_111)
    ]


def touch_tree_ids(obj: list[dict[str, Any]]) -> int:
    total = 0
    for node in obj:
        total += node["number"] + sum(node["children"]) + (node["parent"] or 0)
    return total


def shared_1k() -> list[Node]:
    """1,000 references to one node."""
    return [Node("the one")] * 1_000


def touch_shared(obj: list[Node]) -> int:
    """Every reference leads to the one node, by ``==``, which is ``is`` for it."""
    return obj.count(obj[0]) * len(obj[0].name)


def facts_shared(obj: list[Node]) -> Mapping[str, Any]:
    return {
        "length": len(obj),
        "name": obj[0].name,
        "different objects": len({id(node) for node in obj}),
    }


class Link:
    """One link of a chain: the linked list of every textbook."""

    def __init__(self, value: int, following: Link | None) -> None:
        self.value = value
        self.next = following


def _chain(length: int) -> Link:
    head = Link(0, None)
    for value in range(1, length):
        head = Link(value, head)
    return head


def linked_list_20k() -> Link:
    return _chain(DEEP)


def linked_list_150() -> Link:
    return _chain(SHALLOW)


def touch_chain(obj: Link) -> int:
    total, link = 0, obj.next
    while link is not None:
        total += link.value
        link = link.next
    return total + obj.value


def facts_chain(obj: Link) -> Mapping[str, Any]:
    length, last, link = 1, obj.value, obj.next
    while link is not None:
        length, last, link = length + 1, link.value, link.next
    return {"length": length, "first": obj.value, "last": last, "sum": touch_chain(obj)}


ARGUMENT = frozenset({Duty.ARGUMENT})
OUTCOME = frozenset[Duty]()  #: not timed: what becomes of it is the whole figure

PAYLOADS = (
    Payload(
        name="cycle-two",
        make=cycle_two,
        touch=touch_cycle,
        facts=facts_cycle,
        traits=frozenset({Trait.CYCLE}),
        duties=ARGUMENT,
        why="The smallest cycle, as the article draws it: what any pickler with a memo carries, and one without (JSON) "
        "does not.",
        source="articles/000; pickle manual, on recursive objects",
    ),
    Payload(
        name="tree-parents-1k",
        make=tree_parents_1k,
        touch=touch_tree,
        facts=facts_tree,
        traits=frozenset({Trait.CYCLE}),
        duties=ARGUMENT,
        why="A document or scene tree of 1,111 nodes in four levels with links to the parents, as DOMs and syntax "
        "trees keep them: wide, not deep.",
        source="articles/000",
    ),
    Payload(
        name="tree-ids-1k",
        make=tree_ids_1k,
        touch=touch_tree_ids,
        traits=frozenset({Trait.ELEMENTS}),
        duties=ARGUMENT,
        why="The same 1,111 nodes with numbers for links: the refactoring that the article recommends for cycles.",
        source="articles/000",
    ),
    Payload(
        name="shared-1k",
        make=shared_1k,
        touch=touch_shared,
        facts=facts_shared,
        traits=frozenset({Trait.ELEMENTS}),
        duties=OUTCOME,
        why="One customer behind 1,000 orders: the memo sends it once, and it must arrive as one object.",
        source="pickle manual, 'Comparison with marshal' (object sharing)",
    ),
    Payload(
        name="linked-list-20k",
        make=linked_list_20k,
        touch=touch_chain,
        facts=facts_chain,
        traits=frozenset({Trait.DEEP}),
        duties=OUTCOME,
        why="20,000 links: an undo history, or a queue of its own make. Every pickler follows links by recursion: the"
        " C one bears 332 objects on 3.11 and 3,333 on 3.13, at the default limit of 1,000.",
        source="articles/000 ('deep cycles can fail'); pickle manual, on RecursionError",
    ),
    Payload(
        name="linked-list-150",
        make=linked_list_150,
        touch=touch_chain,
        facts=facts_chain,
        traits=frozenset({Trait.NESTED}),
        duties=ARGUMENT,
        why="150 links: under the 332 objects that pickle bears on 3.11, over the 123 that dill bears: the same object "
        "passes with one and fails with the other.",
        source="articles/000; pickle manual, on RecursionError",
    ),
)
