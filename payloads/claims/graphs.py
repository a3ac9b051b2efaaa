"""Claims about cycles and depth."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

CYCLE = """
import multiprocessing as mp
import sys

class Node:
    parent = None

def work(node):
    return node.parent is not node and node.parent.parent is node

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    a, b = Node(), Node()
    a.parent, b.parent = b, a
    with mp.Pool(1) as pool:
        print(pool.apply(work, (a,)))
"""

DEEP = """
import multiprocessing as mp
import sys

class Node:
    next = previous = None

def work(node):
    count = 1
    while node.next:
        node = node.next
        count += 1
    print(count, flush=True)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    first = last = Node()
    for _ in range(20_000):
        last.next = Node()
        last.next.previous = last
        last = last.next
    {hand_over}
"""

PROCESS = """process = mp.Process(target=work, args=(first,))
    process.start()
    process.join()
"""

POOL = """with mp.Pool(1) as pool:
        pool.apply(work, (first,))
"""

IDS = """
import multiprocessing as mp
import sys

class Node:
    def __init__(self, number):
        self.number, self.next, self.previous = number, number + 1, number - 1

def work(nodes):
    count, number = 0, 0
    while number in nodes:
        count, number = count + 1, nodes[number].next
    return count

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, ({number: Node(number) for number in range(20_001)},)))
"""

CLAIMS = (
    Claim(
        number=4,
        claim="pickle handles cycles, but deep ones can fail; ids in place of references mend that.",
        source="000",
        verdict=ClaimVerdict.HOLDS,
        explanation="Cycles arrive as cycles. Depth fails with RecursionError while encoding, in the parent, "
        "except for a forked Process, which pickles nothing. 3.14 bears these 20,001 objects, as its C code "
        "is limited by the stack that there is (8 MB here); 3.15 overflows it. With ids nothing is deep.",
        checks=(
            Script(tried="two nodes that refer to each other, to a pool", script=CYCLE, seen={"": "prints True"}),
            Script(
                tried="a doubly linked list of 20,001, to a pool",
                script=DEEP.format(hand_over=POOL),
                seen={
                    "": "raises RecursionError: maximum recursion depth exceeded",
                    "3.14": "prints 20001",
                    "3.15": "raises RecursionError: Stack overflow",
                },
            ),
            Script(
                tried="the same to a Process",
                script=DEEP.format(hand_over=PROCESS),
                seen={
                    "spawn forkserver": "raises RecursionError: maximum recursion depth exceeded",
                    "fork": "prints 20001",
                    "spawn forkserver 3.14": "prints 20001",
                    "spawn forkserver 3.15": "raises RecursionError: Stack overflow",
                },
            ),
            Script(tried="ids in place of references", script=IDS, seen={"": "prints 20001"}),
        ),
    ),
)
