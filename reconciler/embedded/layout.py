"""Where the embedded system keeps its files, and which ports it listens on."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from reconciler.errors import Stalled

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on loopback."""

    pages: int = 8000
    webhooks: int = 8001
    nodes: int = 8002
    git: int = 8003
    queue: int = 8004


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one embedded system."""

    home: Path
    ports: Ports

    @property
    def config_file(self) -> Path:
        return self.home / "control-plane.kdl"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def repositories(self) -> Path:
        return self.home / "repositories"

    @property
    def join_tokens(self) -> Path:
        return self.home / "join-tokens"

    @property
    def fleet(self) -> Path:
        return self.home / "fleet"

    @property
    def queue(self) -> Path:
        return self.home / "queue"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def url(self, part: str) -> str:
        """The URL of `pages`, `webhooks`, `nodes` or `git`."""
        return f"http://{HOST}:{getattr(self.ports, part)}"

    def environ(self) -> dict[str, str]:
        """The environment of every process of this system: ours, with the settings that lead here.

        A `DATABASE_URL`, `REDIS_URL` or `S3_ENDPOINT` that is already set wins: the same processes then use real
        servers.
        """
        return {
            "NODE_POLL_SECONDS": "2",
            "SWEEP_SECONDS": "5",
            "PAGES_ACCESS": "loopback",
            **os.environ,
            "SENTINEL_HOME": str(self.home),
            "SENTINEL_CONFIG": str(self.config_file),
            "REDIS_URL": os.environ.get("REDIS_URL") or f"redis://{HOST}:{self.ports.queue}/0",
            "NODES_PUBLIC_URL": self.url("nodes"),
            "PAGES_PUBLIC_URL": self.url("pages"),
            "TZ": "UTC",
            "PYTHONUNBUFFERED": "1",
        }


def open_layout(home: Path, *, free_ports: bool) -> Layout:
    """The layout of `home`, with the ports it was given first: the clone URL stays the same over restarts.

    `free_ports` takes any free ports instead of 8000–8004 for a new home. Raises `Stalled` when a port that an
    existing home was given is taken by somebody else.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    memory = home / "ports.json"
    if memory.exists():
        ports = Ports(**json.loads(memory.read_text()))
        for name, port in asdict(ports).items():
            if not _is_free(port):
                raise Stalled(
                    "E-UP-003",
                    f"port {port} ({name}) of {home} is in use",
                    cure="Stop what uses it (perhaps this system is running already), or choose another --home",
                )
    else:
        ports = _choose(free_ports)
        memory.write_text(json.dumps(asdict(ports)) + "\n")
    return Layout(home=home, ports=ports)


def _choose(free_ports: bool) -> Ports:
    wanted = Ports()
    chosen: dict[str, int] = {}
    for name, port in asdict(wanted).items():
        chosen[name] = port if not free_ports and _is_free(port) else _any_free(set(chosen.values()))
    return Ports(**chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
