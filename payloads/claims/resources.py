"""Claims about open files, connections, sockets, threads and loggers."""

from __future__ import annotations

from payloads.claims._claim import Claim, ClaimVerdict, Script

OPEN_FILE = """
import multiprocessing as mp
import sys

def work(file):
    print(file.read().strip())

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with open("data.txt", "w+") as file:
        file.write("first line")
        file.flush()
        file.seek(0)
        process = mp.Process(target=work, args=(file,))
        process.start()
        process.join()
"""

OPEN_FILE_POOL = """
import multiprocessing as mp
import sys

def work(file):
    return file.read()

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with open("data.txt", "w+") as file, mp.Pool(1) as pool:
        pool.apply(work, (file,))
"""

FILE_PATH = """
import multiprocessing as mp
import sys

def work(path):
    with open(path) as file:
        print(file.read())

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with open("data.txt", "w") as file:
        file.write("first line")
    process = mp.Process(target=work, args=("data.txt",))
    process.start()
    process.join()
"""

CONNECTION = """
import multiprocessing as mp
import sqlite3
import sys

def work(connection):
    print(connection.execute("SELECT name FROM users").fetchall())

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (name TEXT)")
    connection.execute("INSERT INTO users VALUES ('Ada')")
    process = mp.Process(target=work, args=(connection,))
    process.start()
    process.join()
"""

DATABASE = """
import multiprocessing as mp
import sqlite3
import sys

def work(path):
    return sqlite3.connect(path).execute("SELECT name FROM users").fetchall()

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with sqlite3.connect("{path}") as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
        connection.execute("INSERT INTO users VALUES ('Ada')")
    with mp.Pool(1) as pool:
        print(pool.apply(work, ("{path}",)))
"""

SOCKET = """
import multiprocessing as mp
import pickle
import socket
import sys

def work(end):
    end.sendall(b"word")
    return "sent"

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    near, far = socket.socketpair()
    try:
        pickle.dumps(near)
    except Exception as error:
        print("pickle.dumps:", type(error).__name__)
    with mp.Pool(1) as pool:
        print(pool.apply(work, (near,)), far.recv(4))
"""

THREAD = """
import multiprocessing as mp
import sys
import threading

def work(thread):
    return thread.name

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (threading.Thread(name="reader"),)))
"""

LOGGER = """
import logging
import multiprocessing as mp
import sys

def work(logger):
    return logger.name, logger.level, len(logger.handlers)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    logger = logging.getLogger("shop")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler("shop.log"))
    with mp.Pool(1) as pool:
        print(pool.apply(work, (logger,)))
"""

HANDLER = """
import logging
import multiprocessing as mp
import sys

def work(handler):
    return handler.level

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.apply(work, (logging.FileHandler("shop.log"),)))
"""

CLAIMS = (
    Claim(
        number=1,
        claim="An open text file cannot be passed to a Process: TypeError, cannot pickle '_io.TextIOWrapper'.",
        source="000",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="the worker is spawned, by spawn or forkserver, or the file goes to a pool's task, which is "
        "pickled under every start method. A forked Process inherits the open file, and its position "
        "with it. The message has these words on 3.11 only; 3.12 and 3.13 say 'TextIOWrapper' "
        "instances.",
        checks=(
            Script(
                tried="an open file as an argument of a Process",
                script=OPEN_FILE,
                seen={
                    "spawn forkserver 3.12 3.13 3.14 3.15": "raises TypeError: cannot pickle 'TextIOWrapper' instances",
                    "fork": "prints first line",
                    "spawn forkserver 3.11": "raises TypeError: cannot pickle '_io.TextIOWrapper' object",
                },
            ),
            Script(
                tried="an open file as an argument of a pool's task",
                script=OPEN_FILE_POOL,
                seen={
                    "3.12 3.13 3.14 3.15": "raises TypeError: cannot pickle 'TextIOWrapper' instances",
                    "3.11": "raises TypeError: cannot pickle '_io.TextIOWrapper' object",
                },
            ),
            Script(tried="the path instead", script=FILE_PATH, seen={"": "prints first line"}),
        ),
    ),
    Claim(
        number=3,
        claim="An sqlite3 connection cannot be passed to a Process; passing ':memory:' and connecting in the worker is"
        " the solution.",
        source="000",
        verdict=ClaimVerdict.FALLS,
        explanation="The connection is refused where it is pickled; a forked Process inherits it, and reads from "
        "it here, though SQLite says not to carry a connection across a fork. The solution is none: "
        "':memory:' is a new, empty database in each process. A file's path is one.",
        checks=(
            Script(
                tried="a connection as an argument of a Process",
                script=CONNECTION,
                seen={
                    "spawn forkserver": "raises TypeError: cannot pickle 'sqlite3.Connection' object",
                    "fork": "prints [('Ada',)]",
                },
            ),
            Script(
                tried="':memory:' passed to the worker",
                script=DATABASE.format(path=":memory:"),
                seen={"": "raises OperationalError: no such table: users"},
            ),
            Script(
                tried="a file's path passed to the worker",
                script=DATABASE.format(path="users.db"),
                seen={"": "prints [('Ada',)]"},
            ),
        ),
    ),
    Claim(
        number=24,
        claim="Sockets, threads and loggers cannot be pickled.",
        source="000, 001, 002, 003",
        verdict=ClaimVerdict.ONLY_WHEN,
        explanation="it is a thread or a logging handler. A socket is refused by pickle.dumps and carried by "
        "multiprocessing, which hands its descriptor over. A logger travels as its name, since Python"
        " 3.7: in a spawned worker it arrives without level and handlers, silently.",
        checks=(
            Script(
                tried="a socket, to pickle and to a pool",
                script=SOCKET,
                seen={"": "prints pickle.dumps: TypeError / sent b'word'"},
            ),
            Script(
                tried="a thread to a pool",
                script=THREAD,
                seen={
                    "3.11 3.12": "raises TypeError: cannot pickle '_thread.lock' object",
                    "3.13 3.14 3.15": "raises TypeError: cannot pickle '_thread._ThreadHandle' object",
                },
            ),
            Script(
                tried="a logger with a file handler to a pool",
                script=LOGGER,
                seen={
                    "spawn forkserver": "prints ('shop', 0, 0)",
                    "fork": "prints ('shop', 20, 1)",
                },
            ),
            Script(
                tried="a logging handler to a pool",
                script=HANDLER,
                seen={"": "raises TypeError: cannot pickle '_thread.RLock' object"},
            ),
        ),
    ),
)
