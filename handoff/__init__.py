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
    from types import ModuleType

    from handoff.api import advise, diagnose, support


def __getattr__(name: str) -> object:
    """The interface, imported when it is first used."""
    if name in ("advise", "diagnose"):
        from handoff import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _name_support() -> None:
    """``handoff.support`` is the function also after the module of that name was imported, which then hides nothing."""
    import sys

    package = sys.modules[__name__]

    class Package(type(package)):  # type: ignore[misc]  # a module's class may be replaced by a subclass
        @property
        def support(self) -> object:
            """:func:`handoff.api.support`."""
            from handoff import api

            return api.support

        @support.setter
        def support(self, module: "ModuleType") -> None:
            pass  # the import system puts the module here; it is found in sys.modules

    package.__class__ = Package


_name_support()
