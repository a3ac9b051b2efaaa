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
}  # fmt: skip

IMPORTS = "import atexit, ctypes, os, resource, signal, subprocess, sys, tempfile, threading, time\n"


def _indented(code: str, by: int) -> str:
    return "\n".join(" " * by + line for line in code.splitlines())


def module(harm: str, stage: str, mark: str) -> str:
    """A user's module that does it when it is imported, or its object is made, pickled, loaded, or a hook is called."""
    code = HARMS[harm].code.replace("MARK", mark)
    if stage == "import":
        return f"{IMPORTS}{code}\ndef make(): return [1, 2]\nPAYLOADS = [make]\n"
    if stage == "make":
        return f"{IMPORTS}def make():\n{_indented(code, 4)}\n    return [1, 2]\nPAYLOADS = [make]\n"
    if stage == "load":
        return (
            f"{IMPORTS}def load():\n{_indented(code, 4)}\n    return [1, 2]\n"
            "class Bad:\n    def __reduce__(self): return load, ()\ndef make(): return [Bad()]\nPAYLOADS = [make]\n"
        )
    signature, returns = HOOKS[stage]
    return (
        f"{IMPORTS}class Bad:\n    def __init__(self): self.a = 1\n    def {signature}:\n{_indented(code, 8)}\n"
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
