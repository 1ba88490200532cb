"""A load generator that costs little: prepared bytes over kept connections, one epoll loop, loopback only."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

HOST = "127.0.0.1"
CONNECTIONS = 16


class Broken(RuntimeError):
    """The server answered something else than was expected."""


def requests_per_second(
    port: int,
    next_request: Callable[[], bytes],
    *,
    status: int,
    seconds: float,
    connections: int = CONNECTIONS,
    times: list[float] | None = None,
) -> float:
    """Answers per second of a server that keeps connections open.

    `next_request` gives the whole bytes of the next request. Any status but `status` raises `Broken`: a benchmark of
    refusals would measure nothing. The first half second is not counted. `times` is filled with how many seconds each
    answer took, that half second's too.
    """
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection((HOST, port)) for _ in range(connections)]
    buffers: dict[socket.socket, bytes] = {}
    sent: dict[socket.socket, float] = {}
    answers = 0
    counted_from: float | None = None
    try:
        for connection in sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            buffers[connection] = b""
            connection.sendall(next_request())
            sent[connection] = time.perf_counter()
        began = time.perf_counter()
        while True:
            now = time.perf_counter()
            if counted_from is None and now - began > 0.5:
                counted_from, answers = now, 0
            if counted_from is not None and now - counted_from > seconds:
                return answers / (now - counted_from)
            for key, _ in selector.select(1.0):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                part = connection.recv(65536)
                if not part:
                    raise Broken("the server closed a connection")
                buffers[connection] += part
                rest = _after_answer(buffers[connection], status)
                if rest is not None:
                    buffers[connection] = rest
                    answers += 1
                    if times is not None:
                        moment = time.perf_counter()
                        times.append(moment - sent[connection])
                        sent[connection] = moment
                    connection.sendall(next_request())
    finally:
        selector.close()
        for connection in sockets:
            connection.close()


def _after_answer(buffer: bytes, status: int) -> bytes | None:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    if not head.startswith(b"http/1.1 %d " % status):
        raise Broken(buffer[:600].decode(errors="replace"))
    length = 0
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(head[at + 17 :].split(b"\r\n", 1)[0])
    elif b"transfer-encoding: chunked" in head:
        finish = buffer.find(b"0\r\n\r\n", end + 4)
        return None if finish < 0 else buffer[finish + 5 :]
    total = end + 4 + length
    return buffer[total:] if len(buffer) >= total else None
