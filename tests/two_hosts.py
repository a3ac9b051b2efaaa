"""Two hosts on this machine: a network namespace each, and between them a link that is as slow as it says.

Only root can make them, with iproute2. A namespace lives as long as the process that holds it, which ends with this
one: nothing stays of either, nor of the link, however the tests end.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE, THERE = "10.77.0.1", "10.77.0.2"  # each host has this alone, and the way to the other
RATE = 1_000_000_000  # bits a second
BURST = 262_144  # bytes that may pass at once: some skbs of 64 KiB, 2 ms of the link
TUN, TUNSETIFF, WITHOUT_HEADER = "/dev/net/tun", 0x400454CA, 0x1001  # linux/if_tun.h: IFF_TUN | IFF_NO_PI
CLONE_NEWNET = 0x40000000  # linux/sched.h


@dataclass(frozen=True)
class Host:
    """One of the two, by the process that holds its namespace."""

    pid: int
    address: str

    def command(self, *command: str) -> list[str]:
        """What runs a command there; the same process, so that signals reach it."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *command]

    def run(self, line: str) -> None:
        done = subprocess.run(self.command(*line.split()), capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{line}: {done.stderr.strip()}")


@contextmanager
def hosts(one_way_s: float = 0.0) -> Iterator[tuple[Host, Host]]:
    """This host and the other; each packet takes ``one_way_s`` at least. Skips where they are not to be had."""
    if os.geteuid() != 0:
        pytest.skip("two hosts: network namespaces need root")
    if lacking := [name for name in ("ip", "tc", "nsenter", "unshare") if not shutil.which(name)]:
        pytest.skip(f"two hosts: {' and '.join(lacking)} not installed (iproute2, util-linux)")
    with ExitStack() as stack:
        try:
            here, there = (_host(stack, address) for address in (HERE, THERE))
            if one_way_s:
                _slow(stack, here, there, one_way_s)
            else:
                here.run(f"ip link add wire type veth peer name wire netns {there.pid}")
            for host in (here, there):
                host.run("ip link set lo up")
                host.run(f"ip addr add {host.address}/24 dev wire")
                host.run("ip link set wire up")
                host.run(f"tc qdisc add dev wire root tbf rate {RATE}bit burst {BURST} latency 100ms")
        except OSError as error:
            pytest.skip(f"two hosts: {error}")
        yield here, there


def _host(stack: ExitStack, address: str) -> Host:
    """A namespace of its own. Raises ``OSError`` where that is not allowed."""
    holds = subprocess.Popen(
        ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stack.callback(_end, holds)
    assert holds.stdin
    assert holds.stdout
    try:
        holds.stdin.write(b"\n")
        holds.stdin.flush()
    except BrokenPipeError:
        pass
    if holds.stdout.readline() != b"\n":
        assert holds.stderr
        raise OSError(holds.stderr.read().decode().strip())
    return Host(holds.pid, address)


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.communicate()


def _slow(stack: ExitStack, here: Host, there: Host, one_way_s: float) -> None:
    """A link whose packets a process of ours carries, each so long after it was sent. Raises ``OSError``."""
    if not Path(TUN).exists():
        raise OSError(f"{TUN} is not there")
    command = [sys.executable, str(Path(__file__)), str(here.pid), str(there.pid), str(one_way_s)]
    carries = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    stack.callback(_end, carries)
    assert carries.stdout
    assert carries.stderr
    if carries.stdout.readline() != b"ready\n":
        raise OSError(carries.stderr.read().decode().strip().splitlines()[-1])


def _end_of_a_link(pid: int) -> int:
    """Our end of a network device in the namespace of a process: what is written to it has arrived there."""
    with open(f"/proc/{pid}/ns/net") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"wire", WITHOUT_HEADER))
    return device


def carry(pids: Sequence[int], one_way_s: float) -> None:
    """Carry packets between two hosts, in both directions, until standard input closes."""
    ends = [_end_of_a_link(pid) for pid in pids]
    other = dict(zip(ends, reversed(ends), strict=True))
    print("ready", flush=True)
    under_way: deque[tuple[float, int, bytes]] = deque()  # all take as long: first come, first served
    while True:
        wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        ready, _, _ = select.select([*ends, 0], [], [], wait_s)
        if 0 in ready:
            return
        for end in ready:
            packet = os.read(end, 65_536)
            under_way.append((time.monotonic() + one_way_s, other[end], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, packet = under_way.popleft()
            try:
                os.write(end, packet)
            except OSError:
                pass  # a device that is not up yet: the packet is lost, as on any link


if __name__ == "__main__":
    carry([int(pid) for pid in sys.argv[1:3]], float(sys.argv[3]))
