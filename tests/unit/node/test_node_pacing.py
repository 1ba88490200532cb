"""However slowly somebody answers, in headers or body, plain or in chunks: the node is free again in bounded time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from reconciler.node import pacing
from reconciler.node.effects import Answer, Failed, HttpReply, HttpRequest
from reconciler.node.http import ControlPlane
from reconciler.node.protocol import SLOW

HEAD = b"HTTP/1.1 200 OK\r\n"


class Dripping:
    """Answers each connection with `start` at once and then with one byte of `rest` every `pause` seconds."""

    def __init__(self, start: bytes, rest: bytes, pause: float) -> None:
        self._start, self._rest, self._pause = start, rest, pause
        self._stop = threading.Event()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stop.is_set():
                connection.close()
                return
            self.connections += 1
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(self._start)
                    for byte in self._rest:
                        if self._stop.wait(self._pause):
                            break
                        connection.sendall(bytes([byte]))
                except OSError:
                    continue

    def stop(self) -> None:
        self._stop.set()
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def servers() -> Iterator[list[Dripping]]:
    made: list[Dripping] = []
    yield made
    for server in made:
        server.stop()


def ask(server: Dripping, seconds: float = 0.5, limit: int = 10**6) -> Answer:
    plane = ControlPlane(server.url)
    answer: list[Answer] = []
    request = HttpRequest("GET", "/x", {}, None, limit, seconds)
    thread = threading.Thread(target=lambda: answer.append(plane.ask(request)), daemon=True)
    thread.start()
    thread.join(20)
    plane.close()
    assert answer, "the node is still waiting"
    return answer[0]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="the status line"),
        pytest.param(HEAD + b"X-Note: ", id="a header"),
        pytest.param(HEAD + b"Content-Length: 5000\r\n\r\n", id="a body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", id="a chunk"),
        pytest.param(HEAD + b"Connection: close\r\n\r\n", id="a body without an end"),
    ],
)
def test_whoever_drips_is_left(servers: list[Dripping], start: bytes) -> None:
    servers.append(Dripping(start, b"a" * 5000, 0.05))
    answer = ask(servers[0])
    assert isinstance(answer, Failed)
    assert answer.code == SLOW
    assert servers[0].connections == 1, "who was slow once is not asked again at once"


def test_a_long_answer_that_keeps_coming_is_read_to_its_end(
    servers: list[Dripping], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "SLOWEST_BYTES", 1)
    servers.append(Dripping(HEAD + b"Content-Length: 60\r\n\r\n", b"a" * 60, 0.05))
    answer = ask(servers[0])
    assert isinstance(answer, HttpReply)
    assert answer.body == b"a" * 60


def test_no_more_is_read_than_was_asked_for(servers: list[Dripping]) -> None:
    servers.append(Dripping(HEAD + b"Connection: close\r\n\r\n" + b"a" * 300_000, b"", 0))
    answer = ask(servers[0], seconds=10, limit=1000)
    assert isinstance(answer, HttpReply)
    assert len(answer.body) == 1001
