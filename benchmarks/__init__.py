"""asv's view of the suite: parameters from the registries, numbers from experiments, no timing code.

asv imports this package by a finder of its own, not through ``sys.path``; the catalogue in ``payloads`` has to import
all the same, here and in workers.
"""

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)
