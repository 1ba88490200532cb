"""Tells the balancer in front how much this node is meant to get: HAProxy's agent check, HTTP `/ready`, and a hook.

What is told comes from the pointer that was verified last; nothing here is asked for or decided. The two servers answer
anybody who reaches them, and say a number that is no secret.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from reconciler.errors import Stalled
from reconciler.node.bounded import run_bounded
from reconciler.node.effects import Done, Failed

HOOK_SECONDS = 10.0
"""A hook that takes longer is ended, and called again in the next round."""

WORDS_LIMIT = 300
"""Bytes of a hook's last words that are passed on."""

PEER_SECONDS = 5.0
"""How long somebody who asks may take in all. Balancers ask every few seconds, each time anew."""

MOST_PEERS = 128
"""Who comes while so many are being answered is turned away: the agent needs its files for more than this."""

Address = tuple[str, int]


@dataclass(slots=True)
class Board:
    """The weight that this node publishes, 0 to 100. The servers read it in their own threads."""

    hook: Path | None = None
    weight: int = 0
    _servers: list[_Server] = field(default_factory=list)

    def publish(self, weight: int) -> Done | Failed:
        """Answer this from now on, and call the hook with it. `Failed` when the hook did not take it."""
        self.weight = weight
        if self.hook is None:
            return Done()
        try:
            done = run_bounded([str(self.hook), str(weight)], seconds=HOOK_SECONDS, limit=WORDS_LIMIT)
        except OSError as error:
            return Failed(f"the weight hook {self.hook} cannot be run: {error.strerror or error}")
        if done.code is None:
            return Failed(f"the weight hook {self.hook} did not end within {HOOK_SECONDS:.0f} s")
        if done.code != 0:
            words = done.errors or done.output
            return Failed(f"the weight hook {self.hook} ended with exit code {done.code}: {words}")
        return Done()

    def serve(self, *, agent_check: Address | None = None, ready: Address | None = None) -> list[Address]:
        """Answer on these addresses in threads of their own. Returns where; raises `Stalled` (E-NOD-081)."""
        for address, make in ((agent_check, self._agent_check), (ready, self._ready)):
            if address is None:
                continue
            try:
                server = make(address)
            # The others: a host that is no name at all, such as one with a part that is empty.
            except (OSError, TypeError, ValueError) as error:
                self.close()
                words = getattr(error, "strerror", None) or error
                raise Stalled(
                    "E-NOD-081",
                    f"the weight cannot be told on {address[0]}:{address[1]}: {words}",
                    cure="Choose an address of this machine and a port that nobody else has",
                ) from None
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, name="weight", daemon=True).start()
        return [_place(server) for server in self._servers]

    def close(self) -> None:
        """Answer nobody any more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def _agent_check(self, address: Address) -> _Server:
        board = self

        class Answer(socketserver.StreamRequestHandler):
            timeout = PEER_SECONDS

            def handle(self) -> None:
                self.wfile.write(agent_words(board.weight))

        return _bound(address, Answer)

    def _ready(self, address: Address) -> _Server:
        board = self

        class Answer(BaseHTTPRequestHandler):
            timeout = PEER_SECONDS

            def do_GET(self) -> None:
                weight = board.weight
                known = self.path.partition("?")[0] == "/ready"
                body = b'{"weight": %d}\n' % weight if known else b'{"error": "only /ready is here"}\n'
                self.send_response(404 if not known else 200 if weight else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                if known:
                    self.send_header("Sentinel-Weight", str(weight))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Balancers ask every few seconds: nobody wants to read of it."""

        return _bound(address, Answer)


class _Server(socketserver.ThreadingTCPServer):
    """Answers a few at a time, each for a few seconds, and says nothing about those who hang up."""

    allow_reuse_address = True
    daemon_threads = True
    _free: threading.BoundedSemaphore

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # A timeout of the socket is one of each read, and so begins anew with every byte that trickles in.
        end = threading.Timer(PEER_SECONDS, _hang_up, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may hang up before the answer: nobody wants to read of it."""


def _hang_up(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)


def _bound(address: Address, answer: type[socketserver.BaseRequestHandler]) -> _Server:
    """A server on the address, which may be one of IPv6. Raises OSError, TypeError and ValueError."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    options = {"address_family": family, "_free": threading.BoundedSemaphore(MOST_PEERS)}
    server: _Server = type("Server", (_Server,), options)(address, answer)
    return server


def _place(server: socketserver.TCPServer) -> Address:
    host, port = server.socket.getsockname()[:2]
    return str(host), int(port)


def agent_words(weight: int) -> bytes:
    """What HAProxy's agent check reads: `ready` takes back a `drain`, which gives no new connections to the node."""
    return b"drain\n" if weight == 0 else b"ready %d%%\n" % weight


def read_address(text: str) -> Address:
    """`host:port`, `[v6]:port` or `:port` for every address of the machine. Raises `Stalled` (E-NOD-080)."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535 or (":" in host and host[:1] != "["):
        raise Stalled(
            "E-NOD-080",
            f"'{text}' is no address to tell the weight on",
            cure="Write host:port, such as 127.0.0.1:9909, or :9909 for every address of this machine",
        )
    return host.strip("[]"), int(port)
