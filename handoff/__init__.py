"""What does it cost to hand this object to another process, and which way should it take?

    handoff.diagnose(obj)   what in it is in the way, where, and what to do about it
    handoff.support(obj)    which ways carry it
    handoff.advise(obj)     which way to take for a job, and what each costs here

Importing this package imports nothing heavy: what a worker imports is part of what is measured.
"""

__version__ = "0.1.0"
__all__ = ["__version__", "advise", "diagnose", "support"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from handoff.api import advise, diagnose, support


def __getattr__(name: str) -> object:
    """The interface, imported when it is first used."""
    if name in ("advise", "diagnose", "support"):
        from handoff import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
