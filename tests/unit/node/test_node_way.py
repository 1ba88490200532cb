"""Real TLS with an authority of one's own, certificates of clients, and a proxy on the way."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler import clock
from reconciler.errors import Stalled
from reconciler.node.effects import Failed, HttpReply, HttpRequest
from reconciler.node.http import ControlPlane
from reconciler.node.way import Way
from tests.unit.config.issuing import Issued, issue


def issued(name: str, *hosts: str, by: Issued | None = None, ca: bool = False) -> Issued:
    return issue(name, *hosts, by=by, ca=ca, begins=clock.now().replace(microsecond=0), days=2)


@dataclass
class Pki:
    """Files in PEM: an authority, the certificates of a server and a node, and what a stranger has."""

    folder: Path
    authority: Path = field(init=False)

    def __post_init__(self) -> None:
        self.root = issued("authority", ca=True)
        self.authority = self.write("authority.pem", self.root.pem)

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def pair(self, name: str, by: Issued | None = None) -> Path:
        """A file with a certificate for localhost and its key."""
        one = issued(name, "localhost", by=by or self.root)
        return self.write(f"{name}.pem", one.pem + one.private())


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(307)
            self.send_header("Location", self.server.elsewhere)  # type: ignore[attr-defined]
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        shown = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        body = b"certificate" if shown else b"nobody"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Silence."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    elsewhere = ""

    def handle_error(self, *arguments: Any) -> None:
        """A handshake that fails is what some tests are about."""


def serve_tls(pki: Pki, *, clients: ssl.VerifyMode) -> Quiet:
    server = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.pair("server"))
    context.load_verify_locations(pki.authority)
    context.verify_mode = clients
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@pytest.fixture(params=[ssl.CERT_REQUIRED])
def server(pki: Pki, request: pytest.FixtureRequest) -> Iterator[Quiet]:
    server = serve_tls(pki, clients=request.param)
    yield server
    server.shutdown()
    server.server_close()


def ask(server: Quiet, way: Way, path: str = "/", **options: Any) -> HttpReply | Failed:
    plane = ControlPlane(f"https://localhost:{server.server_port}", way=way)
    answer = plane.ask(HttpRequest("GET", path, {}, None, 1000, 5.0, **options))
    plane.close()
    assert isinstance(answer, HttpReply | Failed)
    return answer


def test_a_node_shows_its_certificate(pki: Pki, server: Quiet) -> None:
    answer = ask(server, Way(pki.authority, pki.pair("node")))
    assert isinstance(answer, HttpReply), answer
    assert answer.body == b"certificate"


def test_a_node_without_a_certificate_is_not_let_in(pki: Pki, server: Quiet) -> None:
    assert isinstance(ask(server, Way(pki.authority)), Failed)
    stranger = issued("stranger", ca=True)
    assert isinstance(ask(server, Way(pki.authority, pki.pair("foreign", by=stranger))), Failed)


def test_an_authority_that_nobody_named_is_not_believed(pki: Pki, server: Quiet) -> None:
    answer = ask(server, Way(None, pki.pair("node")))
    assert isinstance(answer, Failed)
    assert "certificate verify failed" in answer.words


@pytest.mark.parametrize("server", [ssl.CERT_OPTIONAL], indirect=True)
def test_nobody_else_is_shown_the_certificate(pki: Pki, server: Quiet) -> None:
    server.elsewhere = f"https://localhost:{server.server_port}/"
    way = Way(pki.authority, pki.pair("node"))
    answers = [ask(server, way), ask(server, way, "/away", elsewhere=True)]
    mirrored = ControlPlane("https://localhost:1", (server.elsewhere,), way=way)
    answers.append(mirrored.ask(HttpRequest("GET", "/", {}, None, 1000, 5.0, source=1)))  # type: ignore[arg-type]
    mirrored.close()
    assert [a.body for a in answers if isinstance(a, HttpReply)] == [b"certificate", b"nobody", b"nobody"]


class Proxy(BaseHTTPRequestHandler):
    """Takes CONNECT from whoever knows the password, and passes bytes on."""

    def do_CONNECT(self) -> None:
        asked: list[tuple[str, str | None]] = self.server.asked  # type: ignore[attr-defined]
        asked.append((self.path, self.headers.get("Proxy-Authorization")))
        if self.headers.get("Proxy-Authorization") != "Basic " + base64.b64encode(b"me:p@ss").decode():
            self.send_error(407)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._pass, args=(there, self.connection))
            back.start()
            self._pass(self.connection, there)
            back.join(5)
        self.close_connection = True

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def log_message(self, *arguments: Any) -> None:
        """Silence."""


@pytest.fixture
def proxy() -> Iterator[Quiet]:
    proxy = Quiet(("127.0.0.1", 0), Proxy)
    proxy.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    yield proxy
    proxy.shutdown()
    proxy.server_close()


def test_a_proxy_on_the_way_sees_neither_certificate_nor_request(
    pki: Pki, server: Quiet, proxy: Quiet
) -> None:
    way = Way(pki.authority, pki.pair("node"), None, f"http://me:p%40ss@127.0.0.1:{proxy.server_port}")
    answer = ask(server, way)
    assert isinstance(answer, HttpReply), answer
    assert answer.body == b"certificate"
    assert [path for path, _ in proxy.asked] == [f"localhost:{server.server_port}"]  # type: ignore[attr-defined]


def test_a_proxy_that_does_not_let_the_node_through_is_named_without_its_password(
    pki: Pki, server: Quiet, proxy: Quiet
) -> None:
    way = Way(
        pki.authority, pki.pair("node"), None, f"http://me:wrong-password@127.0.0.1:{proxy.server_port}"
    )
    answer = ask(server, way)
    assert isinstance(answer, Failed)
    assert "407" in answer.words
    assert "wrong-password" not in answer.words + repr(way)


@pytest.mark.parametrize("field", ["ca_file", "certificate"])
@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, field: str, content: bytes | None) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Stalled, match="E-NOD-103") as caught:
        ControlPlane("https://localhost", way=Way(**{field: path}))
    assert "file.pem" in caught.value.message


def test_an_encrypted_key_is_refused_and_asks_nobody(pki: Pki, tmp_path: Path) -> None:
    one = issued("node", "localhost", by=pki.root)
    path = tmp_path / "node.pem"
    path.write_bytes(one.pem + one.private(passphrase=b"secret"))
    with pytest.raises(Stalled, match="E-NOD-103"):
        ControlPlane("https://localhost", way=Way(certificate=path))
