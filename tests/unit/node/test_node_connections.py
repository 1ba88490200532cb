"""A server may close a kept connection at the very moment at which the next request is sent on it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from reconciler.node.effects import HttpReply, HttpRequest
from reconciler.node.http import ControlPlane

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Forgetful:
    """Answers the first request of each connection, and closes when a second one has come."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: list[list[bytes]] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            requests: list[bytes] = []
            self.seen.append(requests)
            thread = threading.Thread(target=self._answer, args=(connection, requests))
            self._threads.append(thread)
            thread.start()
            if len(self.seen) > 10 or self._ends:
                return

    _ends = False

    def _answer(self, connection: socket.socket, requests: list[bytes]) -> None:
        connection.settimeout(2)
        with connection, contextlib.suppress(OSError):
            for answer in (ANSWER, b""):
                received = b""
                while not received.endswith(b"{}"):
                    part = connection.recv(65536)
                    if not part:
                        return
                    received += part
                requests.append(received.split(b" ", 2)[1])
                connection.sendall(answer)

    def stop(self) -> None:
        self._ends = True
        socket.create_connection(self._listener.getsockname()).close()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Forgetful]:
    server = Forgetful()
    yield server
    server.stop()


def ask(plane: ControlPlane, path: str, *, again: bool) -> bytes:
    answer = plane.ask(HttpRequest("POST", path, {}, b"{}", limit=100, seconds=5, again=again))
    assert isinstance(answer, HttpReply), answer
    return answer.body


def test_what_may_be_repeated_is_sent_again(server: Forgetful) -> None:
    plane = ControlPlane(server.url)
    assert ask(plane, "/first", again=True) == b"ok"
    assert ask(plane, "/second", again=True) == b"ok"
    plane.close()
    assert server.seen == [[b"/first", b"/second"], [b"/second"]]


def test_what_may_be_sent_once_gets_a_connection_of_its_own(server: Forgetful) -> None:
    plane = ControlPlane(server.url)
    assert ask(plane, "/first", again=True) == b"ok"
    assert ask(plane, "/once", again=False) == b"ok"
    plane.close()
    assert server.seen == [[b"/first"], [b"/once"]]
