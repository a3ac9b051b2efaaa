"""What a name means: a strategy, a payload, a duty, an outcome, a trait, or another word of this project."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from handoff.commands._options import UsageError, add_patience, seconds, write

if TYPE_CHECKING:
    from handoff.payload import Payload
    from handoff.strategy import Strategy
    from handoff.target import Entry
    from handoff.terminal import Part

HELP = "what a name means: a strategy, payload, duty, outcome, trait, or any word of this project"
PLACE = ("to look things up", 2)
EXAMPLES = ("handoff explain shm-pickle-5", "handoff explain altered", "handoff explain floor")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="NAME", nargs="+", help="as tables and messages spell it")
    parser.add_argument("--in", dest="target", metavar="TARGET", help="whose payloads (default: the built-in ones)")
    add_patience(parser, "importing the target")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer there")


def run(args: argparse.Namespace) -> int:
    """Explain. Raises :class:`UsageError` with the names that are close."""
    from handoff.commands.list import opened
    from handoff.glossary import entries
    from handoff.strategies import registry
    from handoff.terminal import Part, plain

    name = " ".join(args.name)
    words, parts = entries(), []
    if name in words:
        group, sentence = words[name]
        parts += [Part(f"{name} ({group or 'a word'})", "title"), Part(f"{sentence}.".replace("`", ""), indent=2)]
    if name in registry():
        parts += _strategy(registry()[name])
    known = [*words, *registry()]
    try:
        payloads: Mapping[str, Entry] = opened(args.target, seconds("--patience", args.patience))
    except UsageError:
        payloads = {}  # an installed package has no catalogue beside it: the other names can be explained all the same
    if name in payloads:
        parts += _payload(payloads[name].payload)
    if not parts:
        near = get_close_matches(name, sorted({*known, *payloads}), 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: handoff list strategies, payloads or duties"
        raise UsageError(f"nothing is called {name!r}; {hint}")
    write(plain(parts), args.output)
    return 0


def _strategy(strategy: Strategy) -> Iterator[Part]:
    from handoff.terminal import Part

    yield Part(f"{strategy.name} (strategy)", "title")
    yield Part(f"{strategy.summary}.", indent=2)
    facts = {
        "who has what": strategy.meaning,
        "duties": ", ".join(strategy.duties),
        "start methods": ", ".join(strategy.start_methods),
        "inherited, not pickled, under": ", ".join(strategy.inherits),
        "needs": ", ".join(strategy.needs) or "nothing beyond the standard library",
        "carries only payloads that are": ", ".join(sorted(strategy.only)),
        "cannot carry": ", ".join(f"{trait} ({kind})" for trait, kind in strategy.fails),
    }
    yield from (Part(f"{what}: {text}", indent=2) for what, text in facts.items() if text)
    yield Part("before:", indent=2)
    yield Part(strategy.recipe.before.strip(), indent=6, keep=True)
    yield Part("after:", indent=2)
    yield Part(strategy.recipe.after.strip(), indent=6, keep=True)


def _payload(payload: Payload) -> Iterator[Part]:
    from handoff.terminal import Part

    yield Part(f"{payload.name} (payload)", "title")
    facts = {
        "why": payload.why,
        "source": payload.source,
        "duties": ", ".join(sorted(payload.duties)) or "none: only its outcome is asked for",
        "traits": ", ".join(sorted(payload.traits)),
        "bytes of its buffers": f"{payload.nbytes:,}" if payload.nbytes else "",
    }
    yield from (Part(f"{what}: {text}", indent=2) for what, text in facts.items() if text)
