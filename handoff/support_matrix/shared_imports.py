"""Which modules processes of several cells may have imported before, as it changes no answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

#: Importing these changes what picklers do, for everybody in the process.
_CHANGING = frozenset(
    {"dill", "cloudpickle", "multiprocess", "pathos", "pox", "ppft", "loky", "joblib", "ray", "copyreg", "__main__"}
)


def harmless(modules: Sequence[str], own: str) -> list[str]:
    """Those that may be there before the payload's module is imported: the standard library's, and numpy.

    Not ``multiprocessing.managers``, which teaches ForkingPickler to send dict views as lists, nor what imports it.
    """
    return [
        name
        for name in modules
        if (root := name.partition(".")[0]) in sys.stdlib_module_names | {"numpy"}
        and root not in _CHANGING
        and root != own.partition(".")[0]
        and not name.startswith(("multiprocessing.managers", "multiprocessing.dummy"))
        and (root == name or root != "numpy")  # numpy decides itself what it imports
    ]
