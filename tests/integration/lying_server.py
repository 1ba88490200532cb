"""A server between a fleet and its node API that passes reports on and answers every question of a node with lies."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.unit.bundle.attacks import Served

DROPPED = ("content-length", "connection", "transfer-encoding", "date", "server")


class LyingServer:
    """Passes everything on until `hold`; from then on each node is lied to, free, or told that there is no news."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._lies: dict[str, Served] = {}
        self._heard: dict[str, list[dict[str, Any]]] = {}
        self._nodes: dict[str, str] = {}
        """Which node a credential is of: a blob's path does not name one."""
        self._told: set[str] = set()
        self._held = False
        self._free: set[str] = set()
        self._stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.answer(self, sent)

            do_GET = do_POST = _answer

            def log_message(self, *args: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hold(self) -> None:
        """From now on there is no news for a node that is neither lied to nor free."""
        self._held = True

    def lie_to(self, node: str, served: Served) -> None:
        """From now on the node is told that there is news, and given this."""
        self._heard[node] = []
        self._lies[node] = served

    def free(self, node: str) -> None:
        """From now on the node is passed through."""
        self._free.add(node)
        self._lies.pop(node, None)

    def heartbeats_after_the_lie(self, node: str) -> list[dict[str, Any]]:
        """What the node reported after it had been given what it asked for."""
        return self._heard[node]

    def answer(self, handler: BaseHTTPRequestHandler, sent: bytes) -> None:
        """One request of a node."""
        path = handler.path
        credential = handler.headers.get("Authorization", "")
        if path.startswith("/api/v1/nodes/"):
            self._nodes[credential] = path.split("/")[4]
        node = self._nodes.get(credential, "")
        lie = self._lies.get(node)
        if node in self._free or not self._held:
            self._send(handler, *self._ask(handler, sent))
        elif path.endswith("/heartbeat"):
            if lie is not None and node in self._told:
                self._heard[node].append(json.loads(sent))
            status, headers, _ = self._ask(handler, sent)
            news = {"pointer_etag": None if lie is None else f'"{_tag(lie)}"', "poll_seconds": 0.3}
            self._send(handler, status, headers, json.dumps(news).encode())
        elif lie is None:
            self._send(handler, 304, [], b"")
        else:
            self._lie(handler, path, node, lie)

    def _lie(self, handler: BaseHTTPRequestHandler, path: str, node: str, lie: Served) -> None:
        if path.endswith("/bundles/latest"):
            self._told.add(node)
            body = (
                b'{"cohort":"%s","root_version":%d,"blob":"x","pointer":%s,"statement":%s}'
                % (lie.cohort.encode(), lie.root_version, lie.pointer, lie.statement)
            )  # fmt: skip
            self._send(handler, 200, [("ETag", f'"{_tag(lie)}"')], body)
        elif "/roots/" in path:
            self._send(handler, 200, [], lie.roots[int(path.rpartition("/")[2])])
        elif "/log/" in path:
            tiles = {tile.path: row for tile, row in lie.tiles.items()}
            row = tiles.get(path.partition("/log/")[2])
            self._send(handler, 404 if row is None else 200, [], row or b"{}")
        elif lie.manner == "whole":
            self._send(handler, 200, [], lie.blob)
        else:
            self._drag(handler, lie)

    def _drag(self, handler: BaseHTTPRequestHandler, lie: Served) -> None:
        """A body without an end, or one that takes its time."""
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()
        piece, pause = (b"\0" * 65536, 0.0) if lie.manner == "endless" else (b"\0", 1.0)
        try:
            while not self._stop.wait(pause):
                handler.wfile.write(piece)
        except OSError:
            return

    def _ask(self, handler: BaseHTTPRequestHandler, sent: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=30)
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection")}
        connection.request(handler.command, handler.path, sent or None, headers)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, [pair for pair in reply.getheaders() if pair[0].lower() not in DROPPED], body

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status not in (204, 304):
            handler.wfile.write(body)


def _tag(lie: Served) -> str:
    return hashlib.sha256(lie.pointer).hexdigest()
