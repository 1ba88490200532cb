"""Starts gunicorn for the status pages: `python -m web.serve --bind 127.0.0.1:8000`.

Where nobody signs in (`PAGES_ACCESS=loopback`) it listens on loopback only, and refuses any other address before
gunicorn starts. Where people sign in from elsewhere, they do so over https.
The command line given to gunicorn outranks its environment variable and any configuration file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlsplit

from reconciler.errors import ReconcilerError, Stalled
from reconciler.settings import Settings, read_settings
from web.loopback import is_loopback_name

THREADS = 16
"""Half of them may be open streams, so eight pages are live at once and eight requests are still served."""


def bind_address(text: str, settings: Settings) -> tuple[str, int]:
    """Split `host:port` and check that the host may be listened on. Raises `Stalled`."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65536:
        raise Stalled("E-WEB-001", f"'{text}' is no address of the form host:port", cure="Use 127.0.0.1:8000")
    if settings.pages_access == "loopback" and not is_loopback_name(host):
        raise Stalled(
            "E-WEB-002",
            f"the status pages would listen on '{host}', where other machines reach them, and nobody signs in",
            cure="Bind to 127.0.0.1 or [::1], or unset PAGES_ACCESS so that people sign in",
        )
    public = urlsplit(settings.pages_public_url)
    if (
        settings.pages_access != "loopback"
        and public.scheme != "https"
        and not is_loopback_name(public.hostname or "")
    ):
        raise Stalled(
            "E-WEB-013",
            "passwords would travel in the clear: PAGES_PUBLIC_URL is http, and not of this machine",
            cure="Put a server that speaks https in front, and write its https address into PAGES_PUBLIC_URL",
        )
    return host, int(port)


def gunicorn_arguments(bind: str, settings: Settings, *, workers: int, threads: int) -> list[str]:
    """The arguments of gunicorn. Raises `Stalled` when `bind` may not be listened on."""
    bind_address(bind, settings)
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
        prog="python -m web.serve", description="Serve the status pages and the JSON interface."
    )
    parser.add_argument("--bind", default="127.0.0.1:8000", help="host:port (default 127.0.0.1:8000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument(
        "--threads", type=int, default=THREADS, help=f"threads of each process (default {THREADS})"
    )
    options = parser.parse_args(arguments)
    try:
        command = gunicorn_arguments(
            options.bind,
            read_settings(os.environ),
            workers=max(1, options.workers),
            threads=max(2, options.threads),
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
