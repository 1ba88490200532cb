"""Starts gunicorn for the status pages: `python -m web.serve --bind 127.0.0.1:8000`.

Until there is access control it listens on loopback only, and refuses any other address before gunicorn starts.
The command line given to gunicorn outranks its environment variable and any configuration file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from reconciler.errors import ReconcilerError, Stalled
from web.loopback import is_loopback_name

THREADS = 16
"""Half of them may be open streams, so eight pages are live at once and eight requests are still served."""


def bind_address(text: str) -> tuple[str, int]:
    """Split `host:port` and check that the host is loopback. Raises `Stalled`."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65536:
        raise Stalled("E-WEB-001", f"'{text}' is no address of the form host:port", cure="Use 127.0.0.1:8000")
    if not is_loopback_name(host):
        raise Stalled(
            "E-WEB-002",
            f"the status pages would listen on '{host}', where other machines reach them, and there is no access "
            "control yet",
            cure="Bind to 127.0.0.1 or [::1]; to look from another machine, forward the port with `ssh -L`",
        )
    return host, int(port)


def gunicorn_arguments(bind: str, *, workers: int, threads: int) -> list[str]:
    """The arguments of gunicorn. Raises `Stalled` when `bind` is not loopback."""
    bind_address(bind)
    return [
        f"web.app:create_app(streams={threads // 2})",
        "--bind", bind,
        "--no-control-socket",
        "--worker-class", "gthread",
        "--workers", str(workers),
        "--threads", str(threads),
        "--graceful-timeout", "3",
        "--keep-alive", "15",
        "--log-level", "warning",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, then become gunicorn. A refused address ends the program with 2 and nothing started."""
    parser = argparse.ArgumentParser(
        prog="python -m web.serve", description="Serve the status pages on loopback."
    )
    parser.add_argument("--bind", default="127.0.0.1:8000", help="host:port; the host must be loopback")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument(
        "--threads", type=int, default=THREADS, help=f"threads of each process (default {THREADS})"
    )
    options = parser.parse_args(arguments)
    try:
        command = gunicorn_arguments(
            options.bind, workers=max(1, options.workers), threads=max(2, options.threads)
        )
    except ReconcilerError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    execute([sys.executable, "-m", "gunicorn", *command])


def execute(command: list[str]) -> NoReturn:
    """Become another program."""
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
