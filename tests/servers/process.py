"""Starts a server that the kernel kills when the tests die, and waits until it answers."""

from __future__ import annotations

import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_SECONDS = 60.0
PREFIX = "sentinel-tests-"


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Different free ports: all are held until the last one is found."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_pair() -> int:
    """A free port whose next one is free too, where a proxy has its metrics.

    It is below those that the kernel gives to outgoing connections, of which a busy machine has many.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            for one in (port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", one))
        except OSError:
            continue
        return port


def make_folder(name: str) -> Path:
    """A short-named folder for a server's files, with folders of test runs that were killed swept away first."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{PREFIX}*"):
        owner = old.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{name}-", dir=root))


def unprivileged() -> pwd.struct_passwd | None:
    """The user to run a server as that refuses to be root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(
        "neither of the users 'postgres' and 'nobody' exists, and PostgreSQL refuses to run as root"
    )


def as_user(user: pwd.struct_passwd | None, command: Sequence[str]) -> list[str]:
    """`command`, run as `user`. A change of user clears the death signal, so setpriv sets it again."""
    if user is None:
        return list(command)
    return [
        "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig", "KILL", "--",
        *command,
    ]  # fmt: skip


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent's thread ends (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(command: Sequence[str], *, folder: Path, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a server in `folder`, its output in `log`, and return once `ready()` is true."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise RuntimeError(f"{command[0]} did not start:\n{(folder / 'log').read_text()[-4000:]}")
        time.sleep(0.02)
    return process


def listens(port: int) -> bool:
    """Whether something accepts connections on a port of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False
