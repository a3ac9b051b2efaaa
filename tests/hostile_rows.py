"""What a user's module or object may do to the tool: data alone. ``MARK`` stands for a word its processes carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Harm:
    """Statements, and what a command that meets them while it imports or makes the object ends with."""

    code: str
    ends: bool = False  #: no object comes of it: one line, and exit code 2
    hangs: bool = False  #: it only ends because somebody is impatient


DAEMON = """\
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["MARK", "600"], {ENVIRONMENT})
    os._exit(0)
"""

#: Bound by the module for as long as it lives.
KEPT = "import multiprocessing; sys.modules[__name__].__dict__['kept']"

HARMS = {
    # It does not come back.
    "hangs": Harm("time.sleep(600)", ends=True, hangs=True),
    "spins": Harm("while True: pass", ends=True, hangs=True),
    "spins-deaf": Harm(
        "while True:\n    try:\n        time.sleep(0.01)\n    except BaseException: pass", ends=True, hangs=True
    ),
    "raises": Harm("raise ValueError('no')", ends=True),
    "raises-base": Harm("raise BaseException('no')", ends=True),
    "exits": Harm("raise SystemExit(3)", ends=True),
    "exits-with-lines": Harm("raise SystemExit('\\x1b[2J\\n\\ud800' * 1000)", ends=True),
    "exits-fine": Harm("sys.exit()", ends=True),
    "interrupts": Harm("raise KeyboardInterrupt", ends=True),
    "stops-iteration": Harm("raise StopIteration", ends=True),
    "generator-exit": Harm("raise GeneratorExit", ends=True),
    "broken-pipe": Harm("raise BrokenPipeError", ends=True),
    "its-text-raises": Harm(
        "class E(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\nraise E", ends=True
    ),
    "its-text-is-none": Harm("class E(Exception):\n    def __str__(self): return 3\nraise E", ends=True),
    "its-text-exits": Harm("class E(Exception):\n    def __str__(self): os._exit(0)\nraise E", ends=True),
    "its-text-is-long": Harm("raise ValueError('x' * 50_000_000)", ends=True),
    "its-name-lies": Harm("raise type('\\x1b[2J\\n<b>\\ud800', (Exception,), {'__module__': 3})('x')", ends=True),
    "a-group": Harm("raise BaseExceptionGroup('many', [SystemExit(0), KeyboardInterrupt()])", ends=True),
    "its-cause-loops": Harm("e = ValueError('a'); e.__cause__ = e.__context__ = e; raise e", ends=True),
    "leaves": Harm("os._exit(3)", ends=True),
    "leaves-fine": Harm("os._exit(0)", ends=True),
    "crashes": Harm("ctypes.string_at(0)", ends=True),
    "aborts": Harm("os.abort()", ends=True),
    "recurses": Harm("def f(): f()\nf()", ends=True),
    "recurses-on": Harm("sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", ends=True),
    "eats": Harm("bytearray(20 << 30)", ends=True),
    "kills-itself": Harm("os.kill(os.getpid(), 9)", ends=True),
    "kills-group": Harm("os.killpg(0, 9)", ends=True),
    "stops-itself": Harm("os.kill(os.getpid(), signal.SIGSTOP)", ends=True, hangs=True),
    "terminates-itself": Harm("os.kill(os.getpid(), signal.SIGTERM)", ends=True),
    "reads-input": Harm("input()", ends=True),
    "is-cut-short": Harm("resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", ends=True),
    # It starts what goes on.
    "forks": Harm("os.fork()"),
    "forks-many": Harm("for _ in range(8):\n    if os.fork() == 0: time.sleep(600)"),
    "child": Harm("subprocess.Popen(['MARK', '600'], executable='/bin/sleep')"),
    "daemon": Harm(DAEMON.replace("ENVIRONMENT", "**os.environ")),
    "daemon-without-environment": Harm(DAEMON.replace("ENVIRONMENT", "")),
    "thread": Harm("threading.Thread(target=time.sleep, args=(600,)).start()"),
    "at-exit": Harm("atexit.register(time.sleep, 600)"),
    "a-destructor": Harm(
        "class D:\n    def __del__(self): time.sleep(600)\nsys.modules[__name__].__dict__['kept'] = D()"
    ),
    # Descriptors, files, folders.
    "closes-all": Harm("os.closerange(0, 256)"),
    "closes-others": Harm("os.closerange(3, 256)"),
    "writes-to-all": Harm(
        "for fd in range(3, 64):\n"
        "    try: os.write(fd, b'{}\\n[1]\\nnull\\n\\xff\\x00 {\"final\": true}\\n')\n"
        "    except OSError: pass"
    ),
    "swaps-descriptors": Harm(
        "n = os.open(os.devnull, os.O_RDWR)\nfor fd in range(3, 64):\n    if fd != n: os.dup2(n, fd)"
    ),
    "shouts": Harm("for _ in range(3200): os.write(1, b'x' * 65536) + os.write(2, b'y' * 65536)"),
    "many-files": Harm("for n in range(10_000): open(f'{tempfile.gettempdir()}/{n}', 'w').close()"),
    "opens-many": Harm("sys.modules[__name__].__dict__['kept'] = [open(os.devnull) for n in range(900)]"),
    "a-link": Harm("os.symlink('/', tempfile.gettempdir() + '/up')"),
    "no-rights": Harm("os.mkdir(tempfile.gettempdir() + '/x'); os.chmod(tempfile.gettempdir(), 0)"),
    "removes-folder": Harm("import shutil; shutil.rmtree(tempfile.gettempdir())"),
    "elsewhere": Harm("os.chdir('/')"),
    "nowhere": Harm("d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)"),
    # Signals, limits, timers.
    "deaf": Harm(
        "for n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass"
    ),
    "blocks-signals": Harm("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))"),
    "alarm": Harm("signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(signal.ITIMER_REAL, 0.3)"),
    "timer": Harm("signal.signal(signal.SIGALRM, lambda *_: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)"),
    "no-files": Harm("resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))"),
    "no-bytes": Harm("resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"),
    "no-memory": Harm("resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))"),
    "no-stack": Harm("resource.setrlimit(resource.RLIMIT_STACK, (1 << 16, 1 << 16))"),
    "umask": Harm("os.umask(0o777)"),
    "no-recursion": Harm("sys.setrecursionlimit(60)"),
    # Names that everybody uses.
    "patches-builtins": Harm(
        "import builtins\nfor n in ('len', 'isinstance', 'str', 'type', 'dict', 'print', 'open', 'iter', 'getattr'):\n"
        "    setattr(builtins, n, None)"
    ),
    "patches-import": Harm("import builtins; builtins.__import__ = None"),
    "patches-json": Harm("import json\nfor n in list(vars(json)): setattr(json, n, None)"),
    "patches-pickle": Harm("import pickle\nfor n in list(vars(pickle)): setattr(pickle, n, None)"),
    "patches-pickle-lies": Harm("import pickle; pickle.dumps = lambda *a, **k: b'x'; pickle.loads = lambda *a, **k: 1"),
    "patches-os": Harm(
        "for n in ('write', 'read', '_exit', 'fork', 'kill', 'getpid', 'waitpid', 'close', 'open', 'stat', 'pipe'):\n"
        "    setattr(os, n, None)"
    ),
    "patches-os-write": Harm("os.write = os._exit = None"),
    "patches-os-exit": Harm("os._exit = sys.exit = lambda *_: None"),
    "patches-time": Harm(
        "time.time = time.monotonic = time.perf_counter = time.perf_counter_ns = time.sleep = lambda *_: 0"
    ),
    "patches-signal": Harm("signal.signal = signal.setitimer = signal.alarm = None"),
    "patches-tempfile": Harm("tempfile.tempdir = '/nowhere'; tempfile.mkdtemp = tempfile.mkstemp = None"),
    "patches-subprocess": Harm("subprocess.Popen = None"),
    "patches-thread": Harm("threading.Thread.start = threading.Lock = None"),
    "patches-processes": Harm("import multiprocessing; multiprocessing.Process = multiprocessing.get_context = None"),
    "no-path": Harm("sys.path.clear(); sys.meta_path.clear(); sys.path_hooks.clear()"),
    "no-modules": Harm("sys.modules.clear()"),
    "no-ours": Harm("for n in [n for n in sys.modules if n.startswith('handoff')]: del sys.modules[n]"),
    "none-modules": Harm("for n in ('json', 'pickle', 'traceback', 'ast', 'inspect'): sys.modules[n] = None"),
    "no-streams": Harm("sys.stdin = sys.stdout = sys.stderr = sys.__stderr__ = sys.__stdout__ = None"),
    "no-environment": Harm("os.environ.clear()"),
    "traces": Harm("def t(*_): raise ValueError('trace')\nsys.settrace(t); sys.setprofile(t)"),
    "audits": Harm("def a(*_): raise RuntimeError('audit')\nsys.addaudithook(a)"),
    "hooks": Harm("sys.excepthook = sys.unraisablehook = sys.displayhook = threading.excepthook = None"),
    "warns": Harm("import warnings; warnings.simplefilter('error'); warnings.warn = None"),
    "collects": Harm("import gc\ndef c(*_): raise ValueError('gc')\ngc.callbacks.append(c); gc.set_threshold(1)"),
    "spawns-by-default": Harm("import multiprocessing as m; m.set_start_method('forkserver', force=True)"),
    "another-executable": Harm("sys.executable = '/nowhere'; sys.argv = None"),
    "copyreg": Harm("import copyreg; copyreg.dispatch_table[list] = lambda o: 1 / 0; copyreg.__reduce_ex__ = None"),
    "decimal": Harm("import decimal, locale; decimal.getcontext().prec = 1; sys.set_int_max_str_digits(640)"),
    # What came to mind later.
    "ends-later": Harm("import faulthandler; faulthandler.dump_traceback_later(0.3, exit=True)"),
    "no-faulthandler": Harm("import faulthandler; faulthandler.disable(); faulthandler.unregister(12)"),
    "pauses": Harm("signal.pause()", ends=True, hangs=True),
    "waits-for-a-child": Harm("subprocess.run(['MARK', '600'], executable='/bin/sleep')", ends=True, hangs=True),
    "waits-for-a-lock": Harm("a = threading.Lock(); a.acquire(); a.acquire()", ends=True, hangs=True),
    "becomes-another": Harm("os.execv('/bin/sleep', ['MARK', '600'])", ends=True, hangs=True),
    "becomes-true": Harm("os.execv('/bin/true', ['MARK'])", ends=True),
    "goes-on-in-a-child": Harm("if os.fork(): os._exit(0)", ends=True),
    "leaves-its-group": Harm("if os.fork() == 0: os.setsid(); os.execv('/bin/sleep', ['MARK', '600'])"),
    "deaf-daemon": Harm(
        "if os.fork() == 0:\n    os.setsid()\n    for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "    os.closerange(0, 256)\n    if os.fork() == 0: os.execve('/bin/sleep', ['MARK', '600'], {})\n"
        "    os._exit(0)"
    ),
    "adopts": Harm("ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n" + DAEMON.replace("ENVIRONMENT", "")),
    "not-dumpable": Harm("ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"),
    "another-name": Harm("ctypes.CDLL(None).prctl(15, b') R 1 1\\n', 0, 0, 0)"),
    "dies-with-its-parent": Harm("ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)"),
    "profiled": Harm("signal.signal(signal.SIGPROF, signal.SIG_DFL); signal.setitimer(signal.ITIMER_PROF, 0.05, 0.05)"),
    "wakes-up-a-descriptor": Harm("signal.set_wakeup_fd(os.open(os.devnull, os.O_RDWR | os.O_NONBLOCK))"),
    "no-more-processes": Harm("resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))"),
    "no-priority": Harm("os.nice(19); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"),
    "its-streams-raise": Harm(
        "class S:\n    def __getattr__(self, name): raise ValueError(name)\nsys.stdout = sys.stderr = S()"
    ),
    "rarely-switches": Harm("sys.setswitchinterval(1e6)\ndef f():\n    while True: pass\n"
                            "threading.Thread(target=f, daemon=True).start()"),
    "its-thread-raises": Harm("threading.Thread(target=lambda: 1 / 0).start()"),
    "its-threads-pool": Harm(
        "from concurrent.futures import ThreadPoolExecutor as P\nsys.modules[__name__].__dict__['kept'] = p = P(1)\n"
        "p.submit(time.sleep, 600)"
    ),
    "a-pool": Harm(f"{KEPT} = multiprocessing.get_context('fork').Pool(2)"),
    "a-manager": Harm(f"{KEPT} = multiprocessing.get_context('fork').Manager()"),
    "a-segment": Harm(
        f"from multiprocessing.shared_memory import SharedMemory as S\n{KEPT} = S(create=True, size=8)"
    ),
    "semaphores": Harm(
        f"{KEPT} = [multiprocessing.get_context('spawn').Lock() for n in range(50)]"
    ),
    "its-module-is-another": Harm("sys.modules[__name__] = 3"),
    "its-module-raises": Harm(
        "class M:\n    def __getattribute__(self, name): raise ValueError(name)\nsys.modules[__name__] = M()"
    ),
    "its-module-lies": Harm(
        "g = sys.modules[__name__].__dict__; g.update(__file__='\\ud800', __name__=3, __spec__=None, __path__=7)"
    ),
    "patches-classes": Harm("import builtins; builtins.__build_class__ = builtins.super = builtins.property = None"),
    "patches-errors": Harm(
        "import builtins\nfor n in ('BaseException', 'Exception', 'OSError', 'TypeError', 'KeyError'):\n"
        "    setattr(builtins, n, int)"
    ),
    "patches-path": Harm("os.path.exists = os.path.join = os.path.basename = os.fspath = None"),
    "patches-select": Harm("import select, selectors; select.select = select.poll = selectors.DefaultSelector = None"),
    "patches-main": Harm("sys.modules['__main__'] = None"),
    "a-cause-without-end": Harm(
        "e = ValueError('x')\nfor n in range(20_000):\n    f = ValueError(n); f.__cause__ = e; e = f\nraise e",
        ends=True,
    ),
    "notes-without-end": Harm("e = ValueError('x'); e.__notes__ = ['\\x1b[2J'] * 10**5; raise e", ends=True),
    "no-unicode": Harm("raise UnicodeDecodeError('x', b'\\xff', 0, 1, '\\ud800')", ends=True),
    "a-warning": Harm("raise DeprecationWarning('no')", ends=True),
}  # fmt: skip

IMPORTS = "import atexit, ctypes, os, resource, signal, subprocess, sys, tempfile, threading, time\n"


def indented(code: str, by: int) -> str:
    return "\n".join(" " * by + line for line in code.splitlines())


def module(harm: str, stage: str, mark: str) -> str:
    """A user's module that does it when it is imported, or its object is made, pickled, loaded, or a hook is called."""
    code = HARMS[harm].code.replace("MARK", mark)
    if stage == "import":
        return f"{IMPORTS}{code}\ndef make(): return [1, 2]\nPAYLOADS = [make]\n"
    if stage == "make":
        return f"{IMPORTS}def make():\n{indented(code, 4)}\n    return [1, 2]\nPAYLOADS = [make]\n"
    if stage == "load":
        return (
            f"{IMPORTS}def load():\n{indented(code, 4)}\n    return [1, 2]\n"
            "class Bad:\n    def __reduce__(self): return load, ()\ndef make(): return [Bad()]\nPAYLOADS = [make]\n"
        )
    signature, returns = HOOKS[stage]
    return (
        f"{IMPORTS}class Bad:\n    def __init__(self): self.a = 1\n    def {signature}:\n{indented(code, 8)}\n"
        f"        return {returns}\ndef make(): return [Bad()]\nPAYLOADS = [make]\n"
    )


#: Hooks of an object by stage: as they are defined, and what they return when they come to it.
HOOKS = {
    "dump": ("__reduce__(self)", "list, ([1],)"),
    "setstate": ("__setstate__(self, state)", "None"),
    "getstate": ("__getstate__(self)", "{'a': 1}"),
    "eq": ("__eq__(self, other)", "True"),
    "repr": ("__repr__(self)", "'Bad'"),
    "hash": ("__hash__(self)", "1"),
    "del": ("__del__(self)", "None"),
    "getattr": ("__getattr__(self, name)", "None"),
    "getattribute": ("__getattribute__(self, name)", "object.__getattribute__(self, name)"),
    "class": ("__class__(self)", "int"),
    "sizeof": ("__sizeof__(self)", "1"),
    "len": ("__len__(self)", "1"),
    "iter": ("__iter__(self)", "iter(())"),
    "copy": ("__deepcopy__(self, memo)", "self"),
}


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
    "imports-itself": b"import mine\nfrom mine import make\ndef make(): return [1]\nPAYLOADS = [make]\n",
    "imports-what-is-not": b"import no_such_module_anywhere\n",
}
