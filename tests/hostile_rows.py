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
    # And later still.
    "raises-self-str": Harm(
        "class E(Exception):\n    def __str__(self): raise self\n    __repr__ = __str__\nraise E",
        ends=True,
    ),
    "str-recurses": Harm("class E(Exception):\n    def __str__(self): return str(self)\nraise E", ends=True),
    "str-hangs": Harm(
        "class E(Exception):\n    def __str__(self): time.sleep(600)\nraise E",
        ends=True, hangs=True,
    ),
    "name-is-meta": Harm(
        "class M(type):\n    __name__ = property(lambda s: 1/0)\n    __qualname__ = __module__ = __name"
        "__\nclass E(Exception, metaclass=M): pass\nraise E('x')",
        ends=True,
    ),
    "notes-lie": Harm("e = ValueError('x'); e.__notes__ = 7; raise e", ends=True),
    "tb-none": Harm("class E(Exception):\n    __traceback__ = property(lambda s: 1/0)\nraise E('x')", ends=True),
    "group-deep": Harm(
        "e = ValueError('x')\nfor n in range(500): e = ExceptionGroup('g', [e])\nraise e",
        ends=True,
    ),
    "syntax-lies": Harm(
        "e = SyntaxError('x'); e.filename = 3; e.lineno = 'a'; e.text = b'x'; e.offset = -9; raise e",
        ends=True,
    ),
    "exit-object": Harm(
        "class C:\n    def __str__(self): os._exit(4)\n    __int__ = __str__\nraise SystemExit(C())",
        ends=True,
    ),
    "sigsegv-self": Harm(
        "signal.signal(signal.SIGSEGV, signal.SIG_IGN); os.kill(os.getpid(), 11); os.kill(os.getpid()"
        ", 9)",
        ends=True,
    ),
    "fpe": Harm("os.kill(os.getpid(), signal.SIGFPE)", ends=True),
    "pipe": Harm("signal.signal(signal.SIGPIPE, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGPIPE)", ends=True),
    "quit": Harm("os.kill(os.getpid(), signal.SIGQUIT)", ends=True),
    "usr": Harm("os.kill(os.getpid(), signal.SIGUSR1)", ends=True),
    "int-real": Harm(
        "signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)",
        ends=True,
    ),
    "fork-exec-storm": Harm("for n in range(60):\n    if os.fork() == 0: os._exit(0)"),
    "zombies": Harm(
        "import multiprocessing; sys.modules[__name__].__dict__['kept'] = [subprocess.Popen(['/bin/tr"
        "ue']) for n in range(40)]"
    ),
    "double-fork-loop": Harm(
        "if os.fork() == 0:\n    os.setsid()\n    for n in range(20):\n        if os.fork() == 0: os.exe"
        "cve('/bin/sleep', ['MARK', '600'], {})\n    os._exit(0)"
    ),
    "vfork-thread": Harm(
        "def f():\n    subprocess.run(['MARK', '600'], executable='/bin/sleep')\nthreading.Thread(targe"
        "t=f).start()"
    ),
    "stdin-reads": Harm("os.read(0, 10); sys.stdin.read()"),
    "closes-stdout": Harm("os.close(1); os.close(2)"),
    "closes-wrapped": Harm("sys.stdout.close(); sys.stderr.close()"),
    "nonblocking": Harm("for n in range(64):\n    try: os.set_blocking(n, False)\n    except OSError: pass"),
    "inheritable": Harm(
        "for n in range(3, 64):\n    try: os.set_inheritable(n, True)\n    except OSError: pass\nsubproc"
        "ess.Popen(['MARK', '600'], executable='/bin/sleep', close_fds=False)"
    ),
    "fifo": Harm(
        "os.mkfifo(tempfile.gettempdir() + '/fifo'); open(tempfile.gettempdir() + '/fifo')",
        ends=True, hangs=True,
    ),
    "immutable-name": Harm(
        "open(tempfile.gettempdir() + '/a\\n\\x1b[2J', 'w').close(); open(os.fsencode(tempfile.gettempd"
        "ir()) + b'/\\xff', 'w').close()"
    ),
    "sparse": Harm("f = open(tempfile.gettempdir() + '/x', 'wb'); f.truncate(1 << 40); f.close()"),
    "socket": Harm(
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind(tempfile.gettempdir()[:80] + '/s' i"
        "f len(tempfile.gettempdir()) < 90 else '\\0x'); s.listen()\nimport multiprocessing; sys.module"
        "s[__name__].__dict__['kept'] = s"
    ),
    "rss-limit": Harm("resource.setrlimit(resource.RLIMIT_DATA, (1 << 20, 1 << 20))"),
    "no-cpu": Harm("resource.setrlimit(resource.RLIMIT_CPU, (1, 2))"),
    "patch-hash": Harm(
        "import hashlib, hmac, secrets, random; hashlib.sha256 = hmac.new = hmac.compare_digest = Non"
        "e; secrets.token_hex = random.Random = None"
    ),
    "patch-dataclass": Harm(
        "import dataclasses, enum, functools; dataclasses.asdict = dataclasses.replace = None; enum.E"
        "num = enum.StrEnum = None; functools.partial = functools.wraps = None"
    ),
    "patch-io": Harm("import io, codecs; io.open = io.StringIO = io.BytesIO = codecs.lookup = None"),
    "patch-socket": Harm(
        "import socket; socket.socket = None; import multiprocessing.connection as c; c.Client = c.Li"
        "stener = c.wait = None"
    ),
    "patch-marshal": Harm(
        "import marshal, importlib; marshal.loads = marshal.dumps = None; importlib.import_module = i"
        "mportlib.util = None"
    ),
    "patch-re": Harm("import re; re.compile = re.sub = re.match = None"),
    "patch-path": Harm("import pathlib; pathlib.Path = pathlib.Path.__init__ = None"),
    "patch-collections": Harm(
        "import collections, collections.abc; collections.abc.Mapping = collections.abc.Iterable = in"
        "t; collections.deque = collections.OrderedDict = None"
    ),
    "patch-numpy": Harm("import numpy; numpy.ndarray = numpy.array = numpy.asarray = None"),
    "patch-cloudpickle": Harm(
        "import cloudpickle, dill; cloudpickle.dumps = dill.dumps = cloudpickle.loads = dill.loads = "
        "lambda *a, **k: os._exit(5)"
    ),
    "patch-mp-reduction": Harm("import multiprocessing.reduction as r; r.ForkingPickler = r.dump = None"),
    "patch-main-attr": Harm(
        "import __main__; __main__.__spec__ = 3; __main__.__file__ = None; __main__.__dict__.clear()"
    ),
    "none-own": Harm("for n in [n for n in sys.modules if n.startswith('handoff')]: sys.modules[n] = None"),
    "import-raises": Harm(
        "class F:\n    def find_spec(self, *a): raise KeyboardInterrupt\nsys.meta_path.insert(0, F())"
    ),
    "monitoring": Harm(
        "sys.settrace(lambda *a: sys.settrace(None)); threading.settrace(lambda *a: 1/0); threading.s"
        "etprofile(lambda *a: 1/0)"
    ),
    "asyncio": Harm(
        "import asyncio\nasync def f(): await asyncio.sleep(0)\nasyncio.run(f()); asyncio.set_event_loo"
        "p_policy(None)"
    ),
    "loop-thread": Harm(
        "import asyncio\nl = asyncio.new_event_loop(); threading.Thread(target=l.run_forever).start()"
    ),
    "gc-off-freeze": Harm("import gc; gc.disable(); gc.freeze(); gc.set_threshold(1, 1, 1)"),
    "weak-final": Harm(
        "import weakref\nclass A: pass\na = A(); weakref.finalize(a, time.sleep, 600)\nimport multiproce"
        "ssing; sys.modules[__name__].__dict__['kept'] = a"
    ),
    "after-fork": Harm("os.register_at_fork(before=lambda: 1/0, after_in_child=lambda: os._exit(9))"),
    "after-fork-hangs": Harm("os.register_at_fork(after_in_child=lambda: time.sleep(600))"),
    "threading-exit": Harm("threading._register_atexit(time.sleep, 600)"),
    "exit-function": Harm("atexit.register(os._exit, 9)"),
    "locale": Harm(
        "import locale; locale.setlocale(locale.LC_ALL, 'C'); os.environ['PYTHONIOENCODING'] = 'nothi"
        "ng'; sys.stdout.reconfigure(encoding='ascii')"
    ),
    "logging": Harm(
        "import logging; logging.basicConfig(level=1); logging.getLogger().addHandler(3); logging.dis"
        "able(0); logging.raiseExceptions = True"
    ),
    "encodings": Harm("import codecs; codecs.register(lambda n: 1/0)"),
    "rlimit-stack-thread": Harm("threading.stack_size(32768)"),
    "start-method": Harm(
        "import multiprocessing as m; m.set_start_method('spawn', force=True); m.set_executable('/now"
        "here'); m.set_forkserver_preload(['no.such'])"
    ),
    "env-bad": Harm(
        "os.environ.update(PYTHONHOME='/nowhere', PYTHONPATH='/nowhere', LD_PRELOAD='/nowhere.so', PY"
        "THONMALLOC='nothing')"
    ),
    "tmp-gone": Harm("os.environ['TMPDIR'] = '/nowhere'; tempfile.tempdir = '/nowhere/x'"),
    "argv": Harm("sys.argv[:] = ['\\ud800', 3, None]; sys.orig_argv = None; sys.flags = None"),
    "float-repr": Harm(
        "sys.float_repr_style = 'legacy'; sys.displayhook = sys.excepthook = lambda *a: os._exit(8)"
    ),
    "unraisable": Harm("class D:\n    def __del__(self): raise ValueError('\\x1b[2J')\nD(); D()"),
    "sysexit-thread": Harm("def f(): raise SystemExit(9)\nthreading.Thread(target=f).start()"),
    "interrupt-main": Harm("import _thread; _thread.interrupt_main()"),
    "faults-later": Harm("threading.Timer(0.3, lambda: os.kill(os.getpid(), 11)).start()"),
    "leaves-later": Harm("threading.Timer(0.3, os._exit, (0,)).start()"),
    "alarm-raises": Harm(
        "def f(*_): raise KeyboardInterrupt\nsignal.signal(signal.SIGALRM, f); signal.setitimer(signal"
        ".ITIMER_REAL, 0.05, 0.05)"
    ),
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
