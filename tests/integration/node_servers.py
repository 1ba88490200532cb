"""The node API as production runs it, in gunicorn; and a server in front of it that tampers with what passes."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3

ROOT = Path(__file__).resolve().parents[2]


class NodeApi:
    """gunicorn with its asgi worker."""

    def __init__(self, environ: dict[str, str], port: int, log: Path, workers: int = 1) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "web.nodes.app:application", "-k", "asgi", "--no-control-socket",
                "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
            ],
            cwd=ROOT, env={**os.environ, **environ}, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        with urllib3.PoolManager(retries=False) as http:
            while True:
                try:
                    if http.request("GET", f"{self.url}/ready", timeout=2.0).status == 200:
                        return
                except urllib3.exceptions.HTTPError:
                    pass
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop it; returns how many seconds that took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)
        self._log.close()
        return time.monotonic() - started


Tamper = Callable[[str, bytes], bytes]


class TamperingServer:
    """Passes requests on and lets `tamper(path, body)` change the answers' bodies; ETags stay what they were.

    `fresh`: whoever asks whether there is something new is always answered in full. `hear` is given the bodies of
    requests.
    """

    def __init__(self, behind: int) -> None:
        self.tamper: Tamper = lambda path, body: body
        self.fresh = False
        self.hear: Callable[[bytes], None] = lambda body: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                connection = http.client.HTTPConnection("127.0.0.1", behind, timeout=10)
                sent = self.rfile.read(length)
                outer.hear(sent)
                dropped = ("host", "connection", *(("if-none-match",) if outer.fresh else ()))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
                connection.request(self.command, self.path, sent or None, headers)
                reply = connection.getresponse()
                body = outer.tamper(self.path, reply.read()) if reply.status == 200 else reply.read()
                self.send_response(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in (
                        "content-length",
                        "connection",
                        "transfer-encoding",
                        "date",
                        "server",
                    ):
                        self.send_header(name, value)
                if reply.status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if reply.status not in (204, 304):
                    self.wfile.write(body)
                connection.close()

            do_GET = do_POST = _pass_on

            def log_message(self, *args: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
