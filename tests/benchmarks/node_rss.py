"""`node-rss`: the memory of an agent after 1,000 polls and an activation of a 1 MB bundle, against 40 MB.

The agent is a process of its own, with the modules of the program; control plane and proxy are others. The bundle is
offered half-way, so what an activation needs for a moment is in it too, if it is not given back.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from reconciler import clock
from reconciler.node.effects import HttpReply, HttpRequest
from tests.benchmarks.result import Result
from tests.benchmarks.servers import ROOT
from tests.servers.process import free_pair
from tests.unit.node.publishing import PaperControlPlane, build
from tests.unit.node.test_node_proxy_contract import double_binary

POLLS = 1_000
MEGABYTES = 40.0
FILES = 10
LINES = 1_600


def run() -> Result:
    """Measure one life of an agent."""
    measured = measure(POLLS)
    return Result("node-rss", measured["after"]["VmRSS"], MEGABYTES, "MB", 1.0, "lower")


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """What an agent says of its memory, before its first round and after so many."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_pair()
        plane = PaperControlPlane(clock.now())
        plane.offer(build(admin_port=port), sequence=1)
        large = build("127.0.0.1:4000", admin_port=port, further=_files())
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), _handler(plane, lambda: plane.offer(large, sequence=2), rounds)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        words = [url, str(folder / "node"), double_binary(folder), str(port), str(rounds)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.lone_agent", *words],
                cwd=ROOT, stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
        finally:
            server.shutdown()
        measured: dict[str, dict[str, float]] = json.loads(done.stdout)
        if measured.pop("active") != large.digest:
            raise SystemExit("the agent did not activate the large bundle")
        return measured


def _files() -> dict[str, bytes]:
    """A megabyte in some files that do not pack well."""
    return {
        f"agents/production/waf/part-{number}.conf": b"".join(
            hashlib.sha256(f"{number} {line}".encode()).hexdigest().encode() + b"\n" for line in range(LINES)
        )
        for number in range(FILES)
    }


def _handler(
    plane: PaperControlPlane, offer: Callable[[], None], rounds: int
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if len(plane.tags) == rounds // 2:
                offer()
            reply = plane.ask(
                HttpRequest(self.command, self.path, dict(self.headers.items()), body, 10**9, 30.0)
            )
            plane.asked.clear()
            if isinstance(reply, HttpReply):
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    return Handler
