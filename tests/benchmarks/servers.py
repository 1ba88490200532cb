"""Starts gunicorn for a benchmark, ours and the barest one beside it with the same flags."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port, start

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def gunicorn(application: str, *arguments: str, environ: Mapping[str, str], folder: Path) -> Iterator[int]:
    """A gunicorn with one worker on a free port of loopback, which is what is given; it ends with the block."""
    import urllib.request

    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return True
        except OSError:
            return False

    command = [
        sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--no-control-socket",
        "--log-level", "error", "--pythonpath", str(ROOT), *arguments,
    ]  # fmt: skip
    kept = dict(os.environ)
    os.environ.update(environ)
    try:
        process: subprocess.Popen[bytes] = start(command, folder=folder, ready=ready)
    finally:
        os.environ.clear()
        os.environ.update(kept)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)
