"""What does it cost to hand this object to another process, and which way should it take?

Importing this package imports nothing heavy: what a worker imports is part of what is measured.
"""

__version__ = "0.1.0"
