"""Objects and modules that no tool expects: data alone. None of these has to arrive, and none may do harm."""

from __future__ import annotations

from hostile_rows import IMPORTS, indented

#: Objects, as what makes them: none of these has to arrive, and none may do harm. ``Bad`` is given a class body.
OBJECTS = {
    "deep": "o = []\nfor n in range(100_000): o = [o]\nreturn o",
    "deep-dicts": "o = {}\nfor n in range(5_000): o = {1: o, 2: [n]}\nreturn o",
    "wide": "return [{} for n in range(200_000)]",
    "loop": "o = []; o.append({'o': o, 'p': (o,)}); return o",
    "surrogates": "return {'\\ud800': '\\udfff' * 1000, '\\x1b[2J': '\\x00'}",
    "not-a-number": "n = float('nan'); return {n: n, 'a': [n, float('inf')], 'b': {n}}",
    "long-number": "return 10**100_000",
    "large": "return bytes(200 << 20)",
    "everything": "return sys.modules",
    "globals": "return globals()",
    "frame": "return sys._getframe()",
    "traceback": "try: 1 / 0\nexcept ZeroDivisionError as e: return e.__traceback__",
    "null": "return ctypes.POINTER(ctypes.c_int)()",
    "released": "m = memoryview(b'x'); m.release(); return m",
    "closed": "f = open(__file__); f.close(); return f",
    "standard-streams": "return [sys.stdin, sys.stdout, sys.stderr]",
    "descriptor": "return os.fdopen(os.pipe()[0])",
    "itself": "return make",
    "not-implemented": "return [NotImplemented, Ellipsis, type, object, type(None), type(make)]",
    "coroutine": "async def f(): pass\nc = f(); c.close(); return c",
    "generator": "return (n for n in iter(int, 1))",
    "without-end": "import itertools; return itertools.count()",
    "weak": "import weakref\nclass A: pass\nreturn [weakref.proxy(A()), weakref.ref(A()), weakref.WeakSet()]",
    "exception": "e = ValueError(); e.__cause__ = e; e.args = (e,); return e",
    "wrapped-in-itself": "def f(): pass\nf.__wrapped__ = f; return f",
    "reduces-without-end": "return Bad('def __reduce__(self): return list, (), None, iter(int, 1)')",
    "reduces-to-more": "return Bad('def __reduce__(self): return list, ([type(self)()],)')",
    "state-of-more": "return Bad('def __getstate__(self): return {1: type(self)()}')",
    "reduces-to-nonsense": "return [Bad(f'def __reduce__(self): return {r}') for r in ('3', '()', '(1, 2)', '(int,)', "
    "'None', '\"\\\\n\"', '(int, (), 1, 2, 3, 4, 5, 6)', '(self, ())', '(print, (\"x\",))')]",
    "grows-on-load": "return Bad('def __reduce__(self): return bytes, (8 << 30,)')",
    "kills-its-parent": "return Bad('def __reduce__(self): return os.kill, (os.getppid(), 0)')",
    "length-lies": "return Bad('def __len__(self): return 10**18', 'list')",
    "length-is-below-zero": "return Bad('def __len__(self): return -1', 'dict')",
    "list-without-end": "return Bad('def __iter__(self): return iter(int, 1)', 'list')",
    "keys-without-end": "return Bad('def keys(self): return iter(int, 1)\\n    values = keys', 'dict')",
    "dict-that-hangs": "return Bad('def items(self): time.sleep(600)\\n    keys = values = __iter__ = items', 'dict')",
    "text-that-lies": "return Bad('def __str__(self): return 3\\n    __repr__ = __format__ = __str__', 'str')",
    "number-that-hangs": "return Bad('def __index__(self): time.sleep(600)\\n    __int__ = __index__', 'int')",
    "bool-raises": "return Bad('def __bool__(self): raise SystemExit(3)')",
    "no-dict": "return Bad('__dict__ = property(lambda self: 1 / 0)')",
    "no-class": "return Bad('__class__ = property(lambda self: 1 / 0)')",
    "doc-that-hangs": "return Bad('__doc__ = property(lambda self: time.sleep(600))')",
    "lying-module": "return Bad('__module__ = 3')",
    "name-with-lines": "return type('a\\n\\x1b[2J<b>', (), {'__qualname__': '\\ud800'})()",
    "meta": "class M(type):\n    def __getattribute__(self, name): raise ValueError(name)\nreturn M('A', (), {})",
    "meta-hangs": "class M(type):\n    def __hash__(self): time.sleep(600)\n"
    "    __eq__ = __instancecheck__ = lambda s, o: time.sleep(600)\n"
    "return M('A', (), {})()",
    "comes-back": "return Bad('def __del__(self): sys.modules[\"kept\"] = self')",
    "ends-when-dropped": "return Bad('def __del__(self): os._exit(7)')",
    "array-that-lies": "return Bad('dtype, shape, size, nbytes = \"f8\", (99,), 99, 792\\n    __array_interface__ = "
    "{\"data\": (8, False), \"shape\": (99,), \"typestr\": \"<f8\", \"version\": 3}')",
    "array-that-hangs": "return Bad('shape = size = nbytes = dtype = property(lambda self: time.sleep(600))')",
    "buffer-without-end": "import mmap; return mmap.mmap(-1, 1 << 40, flags=0x4022)  # private, anonymous, unreserved",
    "slots": "return Bad('__slots__ = (\"a\", \"__weakref__\")')",
    "copies-without-end": "return Bad('def __deepcopy__(self, memo): return [self.__deepcopy__(memo)]')",
    "queue": "import multiprocessing as m; q = m.Queue(); q.put(1); return q",
    "pool": "import multiprocessing as m; return m.get_context('fork').Pool(1)",
    "thread": "t = threading.Thread(target=time.sleep, args=(600,)); t.start(); return t",
    "proxy-all":
    "class P:\n    def __getattribute__(self, n): return P()\n    def __call__(self, *a, **k): retu"
    "rn self\nreturn P()",
    "mock": "from unittest.mock import MagicMock; return MagicMock()",
    "eq-raises-deep":
    "return [Bad('def __eq__(self, o): raise SystemExit(3)\\n    __hash__ = None') for n in range("
    "3)]",
    "set-bad":
    "return {Bad('def __eq__(self, o): return True\\n    def __hash__(self): return 1') for n in r"
    "ange(5)}",
    "cached-prop":
    "import functools; return Bad('import functools\\n    @functools.cached_property\\n    def x(se"
    "lf): time.sleep(600)')",
    "getnewargs": "return Bad('def __getnewargs_ex__(self): return 3')",
    "getnewargs-loop": "return Bad('def __getnewargs__(self): return (self,)')",
    "reduce-str": "return Bad('def __reduce__(self): return \"no.such.name\"')",
    "reduce-copyreg":
    "return Bad('def __reduce_ex__(self, p): time.sleep(0.2); return object.__reduce_ex__(self, p"
    ")')",
    "reduce-alt":
    "return Bad('n = []\\n    def __reduce__(self): self.n.append(1); return list, ([len(self.n)],"
    ")')",
    "state-setter": "return Bad('def __reduce__(self): return list, (), {}, None, None, os._exit')",
    "persistent": "import pickle; return [pickle.Pickler, pickle.Unpickler(open(os.devnull, 'rb'))]",
    "numpy-object": "import numpy as np; a = np.empty(3, object); a[0] = a; return a",
    "numpy-sub":
    "import numpy as np\nclass A(np.ndarray):\n    def __array_finalize__(self, o): raise ValueErro"
    "r('\\x1b[2J')\ntry: return np.zeros(3).view(A)\nexcept ValueError: return np.zeros((0, 0, 0))",
    "numpy-struct": "import numpy as np; return np.zeros(3, [('a\\n<b>', 'O'), ('', 'f8')])",
    "int-sub-deep": "class I(int): pass\ni = I(3); i.a = i; return {i: [i]}",
    "str-sub": "class S(str):\n    def __hash__(self): raise ValueError\nreturn [S('a')]",
    "enum-odd": "import enum\nE = enum.Enum('E', {'a': [], 'b': {}}); return list(E)",
    "namedtuple-odd": "import collections; return collections.namedtuple('\\u00e9', 'a b')(1, 2)",
    "ctypes-bad-string": "return ctypes.c_char_p(8)",
    "py-object": "return ctypes.py_object()",
    "code": "return [make.__code__, make.__code__.replace(co_code=b'\\x00' * 64)]",
    "func-bad": "import types; return types.FunctionType(make.__code__.replace(co_name='\\x1b[2J'), {}, 'n\\n')",
    "lambda-defaults": "f = lambda a=[]: a; f.__defaults__ = (f,); f.__kwdefaults__ = {'f': f}; return f",
    "async-gen": "async def f():\n    yield 1\nreturn f()",
    "running-gen": "def g():\n    yield it\nit = g(); next(it); return it",
    "context":
    "import contextvars; c = contextvars.copy_context(); v = contextvars.ContextVar('v'); c.run(v"
    ".set, c); return c",
    "socket": "import socket; return socket.socketpair()",
    "sqlite":
    "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('create table a(b)'); return [c, "
    "c.cursor()]",
    "selector": "import selectors; return selectors.DefaultSelector()",
    "eventloop": "import asyncio; l = asyncio.new_event_loop(); return [l, l.create_future()]",
    "event":
    "import multiprocessing as m; c = m.get_context('spawn'); return [c.Event(), c.Condition(), c"
    ".Barrier(2), c.Value('i', 1)]",
    "executor":
    "from concurrent.futures import ProcessPoolExecutor as P; p = P(1); f = p.submit(int); f.resu"
    "lt(); return [p, f]",
    "zip": "import zipfile, io; return zipfile.ZipFile(io.BytesIO(), 'w')",
    "decimal":
    "import decimal, fractions; return [decimal.Decimal('sNaN'), decimal.Context(prec=1), fractio"
    "ns.Fraction(1, 3)]",
    "re": "import re; return [re.compile('(a+)+$'), re.match('a', 'a')]",
    "wide-deep": "o = None\nfor n in range(3000): o = {'k' * 100: o, n: (o,), 'l': [o]}\nreturn o",
    "prints-on-load": "return Bad('def __reduce__(self): return print, (\"Traceback\"[:5] + chr(27), )')",
    "meta-call":
    "class M(type):\n    def __call__(c, *a): raise KeyboardInterrupt\nclass A(metaclass=M): pass\nr"
    "eturn [A, object.__new__(A)]",
    "meta-mro":
    "class M(type):\n    def mro(c): return [c, object]\n    __mro__ = property(lambda c: 1/0)\n    "
    "__dict__ = property(lambda c: 1/0)\nreturn M('A', (), {})()",
    "abc-hook":
    "import abc\nclass A(abc.ABC):\n    @classmethod\n    def __subclasshook__(c, o): os._exit(6)\n  "
    "  @classmethod\n    def __class_getitem__(c, i): os._exit(6)\nreturn A()",
    "format":
    "return Bad('def __format__(self, s): raise SystemExit\\n    __str__ = __repr__ = __bytes__ = "
    "lambda s: os._exit(3)')",
    "fspath": "return Bad('def __fspath__(self): raise SystemExit\\n    def __buffer__(self, f): os._exit(3)')",
    "del-spins": "return Bad('def __del__(self):\\n        while True: pass')",
    "del-forks": "return Bad('def __del__(self):\\n        if os.fork() == 0: time.sleep(600)')",
    "held-lock": "a = threading.RLock(); a.acquire(); return {'a': a, 'b': threading.Condition(a)}",
}  # fmt: skip

BAD = """\
def Bad(body, base="object"):
    namespace = {}
    exec(f"class Bad({base}):\\n    {body}", globals(), namespace)
    globals()["Bad" + str(len(globals()))] = made = namespace["Bad"]
    made.__qualname__ = [name for name in globals() if globals()[name] is made][0]
    return made()
"""


def maker(name: str) -> str:
    """A user's module whose ``make`` returns the object."""
    return f"{IMPORTS}{BAD}def make():\n{indented(OBJECTS[name], 4)}\nPAYLOADS = [make]\n"


#: Modules, as what their file holds; and collections.
SOURCES = {
    "empty": b"",
    "nothing-there": b"x = 1\n",
    "nul": b"\0\0\0",
    "not-utf-8": b"\xff\xfe x = '\xe9'\n",
    "no-such-encoding": b"# -*- coding: no-such -*-\n",
    "marked": b"\xef\xbb\xbfdef make(): return [1]\nPAYLOADS = [make]\n",
    "no-syntax": b"def make(:\n",
    "deep-syntax": b"x = " + b"(" * 5000 + b"\n",
    "long-line": b"x = '" + b"a" * 5_000_000 + b"'\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "wants-arguments": b"def make(a, *, b): return [a, b]\nPAYLOADS = [make]\n",
    "is-no-function": b"make = 3\nPAYLOADS = 3\n",
    "async": b"async def make(): return [1]\nPAYLOADS = [make]\n",
    "generates": b"def make():\n    while True: yield 1\nPAYLOADS = [make]\n",
    "a-class": b"class make:\n    def __new__(cls): raise SystemExit\nPAYLOADS = [make]\n",
    "without-end": b"import itertools\ndef make(): return [1]\nPAYLOADS = (make for _ in itertools.count())\n",
    "strange-names": b"def make(): return [1]\nPAYLOADS = {'\\x1b[2J<b>\\n': make, 3: make, '..': make, '\\ud800': 1}",
    "many": b"def make(): return [1]\nPAYLOADS = {f'p-{n}': make for n in range(3000)}\n",
    "getattr": b"def __getattr__(name): raise SystemExit(name)\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "crlf": b"def make():\r\n\treturn [1]\r\nPAYLOADS = [make]\r\n",
    "future": b"from __future__ import braces\n",
    "null-in": b"def make(): return [1]\n\x00\n",
    "utf7": b"# coding: utf-7\n+AGE-\n",
    "rot": b"# coding: rot13\nqrs znxr(): erghea [1]\n",
    "star": b"from os import *\nfrom math import *\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "shadow-name": b"def make(): return [1]\nPAYLOADS = [make]\nstr = int = len = list = None\n__builtins__ = {}\n",
    "payloads-none": b"def make(): return [1]\nPAYLOADS = None\n",
    "payloads-str": b"def make(): return [1]\nPAYLOADS = 'make'\n",
    "payloads-dict-bad": b"def make(): return [1]\nPAYLOADS = {'a': 3, 'b': None, None: make}\n",
    "payloads-raise": b"class P:\n    def __iter__(self): raise SystemExit(3)\n    def __len__(self): return 3\nPAYLOAD"
    b"S = P()\ndef make(): return [1]\n",
    "payloads-hang": b"import time\nclass P(dict):\n    def items(self): time.sleep(600)\n    __iter__ = keys = values"
    b" = items\nPAYLOADS = P()\ndef make(): return [1]\n",
    "makes-none": b"def make(): return None\nPAYLOADS = [make]\n",
    "makes-module": b"import sys\ndef make(): return sys.modules[__name__]\nPAYLOADS = [make]\n",
    "callable-object": b"class C:\n    def __call__(self): return [1]\nmake = C()\nPAYLOADS = [make]\n",
    "callable-partial": b"import functools\nmake = functools.partial(list, (1, 2))\nPAYLOADS = [make]\n",
    "callable-builtin": b"make = dict\nPAYLOADS = [make]\n",
    "method": b"class A:\n    def m(self): return [1]\nmake = A().m\nPAYLOADS = [make]\n",
    "decorated": b"import functools\ndef d(f):\n    def g(*a): return f(*a)\n    return g\n@d\ndef make(): return [1"
    b"]\nPAYLOADS = [make]\n",
    "lru": b"import functools\n@functools.lru_cache\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "relative": b"from . import x\ndef make(): return [1]\n",
    "cyclic": b"import mine as m\nm.make\ndef make(): return [1]\n",
    "changes-own-file": b"import os\nos.unlink(__file__)\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "rewrites": b"open(__file__, 'w').write('def make(): raise SystemExit')\ndef make(): return [1]\nPAYLOADS = "
    b"[make]\n",
    "grows": b"open(__file__, 'a').write('x = 1\\n' * 1000)\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "prints": b"print('Trace\\x1b[2J' * 1000)\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "syntax-warning": b"def make(): return 1 is 1, '\\d', assert_(1)\nPAYLOADS = [make]\n",
    "big-const": b"def make(): return 10 ** 10 ** 5\nPAYLOADS = [make]\n",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "elf": b"\x7fELF" + b"\0" * 200,
    "pyc": b"\xa7\r\r\n" + b"\0" * 50,
    "imports-itself": b"import mine\nfrom mine import make\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "imports-what-is-not": b"import no_such_module_anywhere\n",
}
