"""Runs a command that may hang, fork or talk without end: bounded in time and in what is kept of its words."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

AFTERWORDS_SECONDS = 0.5
"""For words that are still on their way when the command has ended; a child of its own may hold the pipe for ever."""

CHUNK = 64 * 1024

OWN = frozenset({"SENTINEL_JOIN_TOKEN", "SENTINEL_NODE_HTTP_PROXY"})
"""Variables with a token, and with a password."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: `code` is None where it was killed because its time was up."""

    code: int | None
    output: str
    errors: str


def run_bounded(arguments: Sequence[str], *, seconds: float, limit: int) -> Ended:
    """Run a command for at most `seconds`; the last `limit` bytes of each of its streams are kept.

    It has a process group of its own, which is killed when it ends, so no child of it stays. Raises OSError when it
    cannot be started.
    """
    process = subprocess.Popen(
        arguments, env=surroundings(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        code, words = _watch(process, time.monotonic() + seconds, limit)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in _streams(process):
            stream.close()
    output, errors = (kept.decode("utf-8", "replace").strip() for kept in words)
    return Ended(code, output, errors)


def surroundings() -> dict[str, str]:
    """The environment of what the agent starts: its own, without what only the agent may know."""
    return {name: value for name, value in os.environ.items() if name not in OWN}


def _watch(process: subprocess.Popen[bytes], ends: float, limit: int) -> tuple[int | None, list[bytes]]:
    """Read until the command has ended and its words have come, or time is up."""
    kept = [bytearray(), bytearray()]
    with selectors.DefaultSelector() as selector:
        for stream, words in zip(_streams(process), kept, strict=True):
            selector.register(stream, selectors.EVENT_READ, words)
        while selector.get_map():
            ended = process.poll() is not None
            left = min(ends - time.monotonic(), AFTERWORDS_SECONDS)
            ready = selector.select(max(0.0, left))
            # A command that never stops writing is always ready, so that the time is asked for itself.
            if left <= 0 or (not ready and (ended or left < AFTERWORDS_SECONDS)):
                break
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                if chunk:
                    key.data.extend(chunk)
                    del key.data[:-limit]
                else:
                    selector.unregister(key.fileobj)
    try:
        code: int | None = process.wait(max(0.0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        code = None
    return code, [bytes(words) for words in kept]


def _streams(process: subprocess.Popen[bytes]) -> list[IO[bytes]]:
    return [stream for stream in (process.stdout, process.stderr) if stream is not None]
