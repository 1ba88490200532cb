"""Runs a function over hostile input in a forked child: little memory, little time, no environment, no open files.

The child gets its input by the fork and hands back bytes through a pipe; the parent never believes its exit status,
only whole answers. C code that hangs, grows or crashes ends the child and nothing else. Keys are loaded by the
parent after the child has answered, so what parses never holds one.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, Self

MIB = 1024 * 1024
ANSWERED = b"+"
FAILED = b"-"
HEADER = 9
"""One byte that says what follows, eight for its length."""
READ = 1024 * 1024
OPEN_FILES = 32
PR_SET_PDEATHSIG = 1
"""See prctl(2)."""

Cause = Literal["memory", "cpu", "time", "crash", "killed", "answer"]
SEVERED: frozenset[Cause] = frozenset({"time", "killed"})
"""Causes that lie outside: the same input may do better another time."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a child may use. `memory` is bytes beyond what its parent had at the fork, `answer` bytes of one answer.

    `cpu_seconds` is what counts; `wall_seconds`, for an answer, only ends a child that waits for something, or a very
    slow machine.
    """

    memory: int = 1024 * MIB
    cpu_seconds: int = 60
    wall_seconds: float = 180
    answer: int = 256 * MIB


class Broken(Exception):
    """The child gave no answer. `words` say what happened and hold nothing of the input.

    `cause` is `memory`, `cpu`, `answer` (too long) or `crash` when the input will do it again, `time` or `killed`
    when something outside may have.
    """

    def __init__(self, cause: Cause, words: str) -> None:
        super().__init__(words)
        self.cause: Cause = cause
        self.words = words


Answer = bytes | tuple[bytes, ...]
"""Several bytes are sent one behind the other."""


class Hearing:
    """How a child is told something that its parent did not know when it was forked."""

    __slots__ = ("reader", "writer")

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        _widen(self.writer)

    def hear(self) -> bytearray:
        """In the child: what its parent tells, all of it. Raises EOFError when that is gone, or tells nothing more."""
        length = bytearray(HEADER - 1)
        if _heard(self.reader, length):
            data = bytearray(int.from_bytes(length, "big"))
            if _heard(self.reader, data):
                return data
        raise EOFError("the parent has told nothing")


class Child:
    """A child that gives one answer after the other, and goes on while its parent works with those that it has.

    It is a context: at the end of the block the child is gone. With a `hearing` it can be told one thing. It does
    not outlive its parent.
    """

    def __init__(
        self,
        function: Callable[[], Iterator[Answer]],
        limits: Confinement = Confinement(),
        hearing: Hearing | None = None,
    ) -> None:
        reader, writer = os.pipe()
        _widen(writer)
        self._told: int | None = None
        # Threads other than this one do not exist in the child, and it uses nothing that they could have locked.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            parent, child = os.getpid(), os.fork()
        if child == 0:
            kept = (writer,) if hearing is None else (writer, hearing.reader)
            _be_the_child(function, writer, kept, limits, parent)
        os.close(writer)
        if hearing is not None:
            os.close(hearing.reader)
            self._told = hearing.writer
        self._limits = limits
        self._process: tuple[int, int] | None = (child, reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def answer(self) -> bytearray:
        """The next answer, all of it. Raises `Broken`, and then the child is gone."""
        if self._process is None:
            raise RuntimeError("the child is gone")
        try:
            answer = _read(self._process[1], self._limits, time.monotonic() + self._limits.wall_seconds)
        except BaseException:
            self.end()
            raise
        if answer is None:
            raise _why(_wait(self._let_go()), self._limits)
        kind, payload = answer
        if kind == ANSWERED:
            return payload
        self.end()
        words = payload.decode("utf-8", "replace")[:500]
        raise Broken("memory" if words.startswith("MemoryError") else "crash", words)

    def tell(self, parts: tuple[bytes, ...]) -> None:
        """Tell the child the one thing that it waits for. Raises `Broken` when it does not listen for too long; why a
        child is gone is what its answer says."""
        if self._told is None:
            raise RuntimeError("the child cannot be told anything")
        number, self._told = self._told, None
        try:
            # A child that is gone says why when it is asked for an answer.
            with suppress(BrokenPipeError):
                _tell(number, parts, self._limits)
        except BaseException:
            self.end()
            raise
        finally:
            os.close(number)

    def end(self) -> None:
        """Let the child go, in whatever it is. The second call does nothing."""
        if self._process is not None:
            child = self._let_go()
            os.kill(child, signal.SIGKILL)
            # To give back the memory of a large compilation takes the system longer than many a push takes us.
            threading.Thread(target=_reap, args=(child,), daemon=True).start()

    def _let_go(self) -> int:
        """Close the pipes; the number of the child's process, for which somebody has to wait."""
        if self._process is None:
            raise RuntimeError("the child is gone")
        (child, reader), self._process = self._process, None
        if self._told is not None:
            os.close(self._told)
            self._told = None
        os.close(reader)
        return child


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when the process `parent` is gone, however it ends. Linux alone can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # The parent died between the fork and the line above.


def run_confined(function: Callable[[], Answer], limits: Confinement = Confinement()) -> bytearray:
    """What `function` returned in a child of its own. Raises `Broken`."""

    def once() -> Iterator[Answer]:
        yield function()

    with Child(once, limits) as child:
        return child.answer()


def _widen(pipe: int) -> None:
    """Let the pipe hold much at once: the two processes take turns less often."""
    if sys.platform == "linux":
        # The system may allow no more to this user; a narrow pipe is slower, and that is all.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, READ)


def _read(reader: int, limits: Confinement, deadline: float) -> tuple[bytes, bytearray] | None:
    """The kind and payload of a whole answer, or None when the pipe closed before there was one."""
    header = bytearray(HEADER)
    if not _fill(reader, header, limits, deadline):
        return None
    length = int.from_bytes(header[1:], "big")
    if length > limits.answer:
        raise Broken("answer", f"its answer has {length} bytes, more than {limits.answer}")
    payload = bytearray(length)
    if not _fill(reader, payload, limits, deadline):
        return None
    return bytes(header[:1]), payload


def _fill(reader: int, buffer: bytearray, limits: Confinement, deadline: float) -> bool:
    """Read as much as the buffer holds, without a second copy of it; whether the pipe had that much."""
    view = memoryview(buffer)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    while view:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Broken("time", f"it gave no answer within {limits.wall_seconds:g} s")
        count = os.readv(reader, [view])
        if not count:
            return False
        view = view[count:]
    return True


def _reap(child: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(child, 0)


def _wait(child: int) -> int:
    """Wait for a child whose pipe is closed, and return how it ended, as `os.waitpid` gives it."""
    # The pipe closes a moment before the process is gone; the moment decides whose signal is read.
    for _ in range(20):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _why(status: int, limits: Confinement) -> Broken:
    if not os.WIFSIGNALED(status):
        return Broken(
            "crash", f"it ended with status {os.waitstatus_to_exitcode(status)} and without an answer"
        )
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return Broken("cpu", f"it needed more than {limits.cpu_seconds} s of processor time")
    name = signal.Signals(number).name
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        return Broken("killed", f"it was ended from outside by {name}")
    return Broken("crash", f"it was ended by {name}")


def _tell(writer: int, parts: tuple[bytes, ...], limits: Confinement) -> None:
    deadline = time.monotonic() + limits.wall_seconds
    os.set_blocking(writer, False)
    poll = select.poll()
    poll.register(writer, select.POLLOUT)
    for part in (sum(map(len, parts)).to_bytes(HEADER - 1, "big"), *parts):
        view = memoryview(part)
        while view:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise Broken("time", f"it did not listen for {limits.wall_seconds:g} s")
            with suppress(BlockingIOError):
                view = view[os.write(writer, view) :]


def _heard(reader: int, buffer: bytearray) -> bool:
    view = memoryview(buffer)
    while view:
        count = os.readv(reader, [view])
        if not count:
            return False
        view = view[count:]
    return True


def _be_the_child(
    function: Callable[[], Iterator[Answer]],
    writer: int,
    kept: tuple[int, ...],
    limits: Confinement,
    parent: int,
) -> NoReturn:
    status = 1
    try:
        die_with_parent(parent)
        _confine(kept, limits)
        answers: Iterator[Answer] | None = None
        answer: Answer | None = b""
        while answer is not None:
            try:
                answers = function() if answers is None else answers
                answer = next(answers, None)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the parent hears of it and the child ends
                _send(writer, FAILED, (_describe(error).encode(),))
                break
            if answer is not None:
                _send(writer, ANSWERED, answer if isinstance(answer, tuple) else (answer,))
        status = 0
    finally:
        os._exit(status)


def _send(writer: int, kind: bytes, parts: tuple[bytes, ...]) -> None:
    for part in (kind + sum(map(len, parts)).to_bytes(8, "big"), *parts):
        view = memoryview(part)
        while view:
            view = view[os.write(writer, view) :]


def _confine(kept: tuple[int, ...], limits: Confinement) -> None:
    # What the parent made is never collected here: its finalizers would close files that are not theirs any more.
    gc.freeze()
    # A child lives for one answer and its memory is bounded: looking for cycles would take a third of its time.
    gc.disable()
    for number in (
        signal.SIGALRM,
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGXCPU,
        signal.SIGCHLD,
    ):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        if standard not in kept:
            os.dup2(null, standard)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    last = 2
    for one in sorted(kept):
        os.closerange(last + 1, one)
        last = max(last, one)
    os.closerange(last + 1, highest if highest != resource.RLIM_INFINITY else 1 << 20)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(OPEN_FILES, last + 2), max(OPEN_FILES, last + 2)))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    if sys.platform == "linux":
        # Elsewhere this limit is not enforced, and the size of a process is not to be had this way.
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _describe(error: BaseException) -> str:
    """The type of an error and where it was raised: never its text, which may hold what the input held."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
