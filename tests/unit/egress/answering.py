"""Servers that say exactly what a test wants, byte by byte, and count who came."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Say = Callable[[socket.socket], None]


@dataclass
class Server:
    """`requests` are the first bytes of each connection; `ended` is set when the test is over."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(say: Say, context: ssl.SSLContext | None = None, *, listen: bool = True) -> Iterator[Server]:
    """A server on 127.0.0.1. `listen` False: connections are made and nothing is read or said, not even TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                if not listen:
                    say(connection)
                    return
                talking = (
                    context.wrap_socket(connection, server_side=True) if context is not None else connection
                )
                with talking:
                    said = talking.recv(65536)
                    if said:
                        server.requests.append(said)
                        say(talking)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            server.ended.set()
            listener.close()


def answer(status: str = "200 OK", body: bytes = b"fine", *headers: str) -> Say:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    whole = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def say(connection: socket.socket) -> None:
        connection.sendall(whole)

    return say


def drip(beginning: bytes, piece: bytes, server_ended: Callable[[], bool]) -> Say:
    """A beginning, and then a piece again and again, a little at a time."""

    def say(connection: socket.socket) -> None:
        connection.sendall(beginning)
        waiting = threading.Event()
        while not server_ended():
            connection.sendall(piece)
            waiting.wait(0.02)

    return say
