"""Requests through the guard, to real servers that are well, hostile, slow and endless."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from reconciler.egress.asking import Egress
from reconciler.errors import ReconcilerError, Refused, Transient
from tests.unit.config.issuing import Issued, issue
from tests.unit.egress.answering import Server, answer, drip, serving

HERE = Egress((ip_network("127.0.0.1"),))
NOBODY = Egress()


def code(egress: Egress, url: str, *, seconds: float = 10.0) -> str:
    with pytest.raises(ReconcilerError) as raised:
        egress.ask(url, seconds=seconds)
    assert "s3cret" not in str(raised.value)
    return raised.value.code


def test_a_request_and_its_answer() -> None:
    with serving(answer("204 Gone fishing", b"", "X-Said: yes")) as server:
        found = HERE.ask(
            f"http://127.0.0.1:{server.port}/health?deep=1", method="POST", headers={"X-Probe": "1"}, body=b"hi",
            seconds=10,
        )  # fmt: skip
    assert (found.status, found.headers["x-said"], found.body, found.cut) == (204, "yes", b"", False)
    assert found.address == "127.0.0.1"
    head = server.requests[0].decode()
    assert head.startswith("POST /health?deep=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "X-Probe: 1\r\n" in head


def test_a_refused_address_sees_no_packet() -> None:
    with serving(answer()) as server:
        assert code(NOBODY, f"http://127.0.0.1:{server.port}/s3cret") == "E-EGR-002"
        assert code(NOBODY, f"http://localhost:{server.port}/") == "E-EGR-002"
        assert code(Egress((ip_network("10.0.0.0/8"),)), f"http://127.0.0.1:{server.port}/") == "E-EGR-002"
    assert server.connections == 0


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "017700000001", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::1]"]
)
def test_other_ways_to_write_this_machine(host: str) -> None:
    with serving(answer()) as server:
        assert code(NOBODY, f"http://{host}:{server.port}/") == "E-EGR-002"
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///s3cret",
        "https://user:s3cret@example.com/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Evil: 1",
        "https://ex\u0430mple.com/",
        "https://[::1/",
        "",
    ],
)
def test_urls_of_another_form(url: str) -> None:
    assert code(HERE, url) == "E-EGR-001"


def resolver(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """A resolver that answers the first question with the first of these, and so on."""
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    monkeypatch.setattr("reconciler.egress.resolving.socket.getaddrinfo", resolve)
    return asked


def test_a_name_is_resolved_once_and_the_connection_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolver(monkeypatch, ("127.0.0.1",), ("127.0.0.2",))
    with serving(answer()) as server:
        found = HERE.ask(f"http://health.example.com:{server.port}/", seconds=10)
    assert found.address == "127.0.0.1"
    assert asked == ["health.example.com"]
    assert f"Host: health.example.com:{server.port}".encode() in server.requests[0]


def test_one_forbidden_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, ("127.0.0.1", "169.254.169.254"))
    with serving(answer()) as server:
        assert code(HERE, f"http://health.example.com:{server.port}/") == "E-EGR-002"
    assert server.connections == 0


def test_an_address_where_nobody_listens_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, ("127.0.0.3", "127.0.0.1"))
    with serving(answer()) as server:
        found = Egress((ip_network("127.0.0.0/8"),)).ask(f"http://two.example.com:{server.port}/", seconds=10)
    assert found.address == "127.0.0.1"


def test_redirects_are_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer()) as inside:
        away = answer("302 Found", b"", f"Location: http://127.0.0.1:{inside.port}/")
        with serving(away) as server:
            assert HERE.ask(f"http://127.0.0.1:{server.port}/", seconds=10).status == 302
    assert inside.connections == 0


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer("500 Proxy")) as proxy, serving(answer()) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert HERE.ask(f"http://127.0.0.1:{server.port}/", seconds=10).status == 200
    assert proxy.connections == 0


def test_a_long_body_is_cut_and_a_compressed_one_left_alone() -> None:
    with serving(answer("200 OK", b"x" * 100, "Content-Encoding: gzip")) as server:
        found = HERE.ask(f"http://127.0.0.1:{server.port}/", seconds=10, limit=99)
        assert (found.body, found.cut) == (b"x" * 99, True)
        found = HERE.ask(f"http://127.0.0.1:{server.port}/", seconds=10, limit=100)
        assert (found.body, found.cut) == (b"x" * 100, False)


def test_an_endless_body_is_cut() -> None:
    ended = threading.Event()
    with serving(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096, ended.is_set)) as server:
        found = HERE.ask(f"http://127.0.0.1:{server.port}/", seconds=60, limit=8192)
        ended.set()
    assert (len(found.body), found.cut) == (8192, True)


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        pytest.param(b"", b"", id="says nothing"),
        pytest.param(b"", b"H", id="drips its status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"a", id="drips a header"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="asks for patience without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", id="drips its body"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whoever_is_slow_is_left(scheme: str, beginning: bytes, piece: bytes) -> None:
    ended = threading.Event()
    # Over TLS the dripping is instead of a handshake: the first bytes are none.
    with serving(drip(beginning, piece, ended.is_set), listen=scheme == "http") as server:
        found = code(HERE, f"{scheme}://127.0.0.1:{server.port}/s3cret", seconds=0.4)
        ended.set()
    assert found in (("E-EGR-005",) if scheme == "http" or not piece else ("E-EGR-004", "E-EGR-005"))


@pytest.mark.parametrize("said", [b"", b"no http at all\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100])
def test_what_is_no_http(said: bytes) -> None:
    with serving(lambda connection: connection.sendall(said)) as server:
        assert code(HERE, f"http://127.0.0.1:{server.port}/?token=s3cret") == "E-EGR-004"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code(HERE, f"http://127.0.0.1:{port}/") == "E-EGR-004"


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(HERE, "https://does-not-exist.invalid/") == "E-EGR-003"
    assert code(HERE, f"https://{'a' * 64}.example.com/") == "E-EGR-003"


def test_a_resolver_without_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def never(*_: Any, **__: Any) -> list[Any]:
        ended.wait(60)
        return []

    monkeypatch.setattr("reconciler.egress.resolving.socket.getaddrinfo", never)
    assert code(HERE, "https://example.com/", seconds=0.2) == "E-EGR-003"
    ended.set()


@pytest.fixture(scope="module")
def authority() -> Issued:
    return issue("Test CA", ca=True, begins=datetime.now(UTC) - timedelta(days=1))


def tls(authority: Issued, host: str, folder: Path) -> ssl.SSLContext:
    issued = issue(host, host, by=authority, begins=datetime.now(UTC) - timedelta(days=1))
    path = folder / f"{host}.pem"
    path.write_bytes(issued.pem + issued.private())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def secure(authority: Issued, tmp_path: Path) -> Iterator[Server]:
    with serving(answer(), tls(authority, "localhost", tmp_path)) as server:
        yield server


def test_tls_is_checked_by_name_although_the_address_is_pinned(authority: Issued, secure: Server) -> None:
    egress = Egress((ip_network("127.0.0.0/8"), ip_network("::1")), authority.pem.decode())
    assert egress.ask(f"https://localhost:{secure.port}/", seconds=10).status == 200
    assert code(egress, f"https://127.0.0.1:{secure.port}/") == "E-EGR-004"
    assert len(secure.requests) == 1


def test_a_certificate_that_nobody_knows_is_not_believed(secure: Server) -> None:
    egress = Egress((ip_network("127.0.0.0/8"), ip_network("::1")))
    with pytest.raises(Transient, match="certificate"):
        egress.ask(f"https://localhost:{secure.port}/", seconds=10)
    assert secure.requests == []


def test_errors_say_what_may_be_done() -> None:
    with pytest.raises(Refused, match=r"allow it in control-plane\.kdl"):
        NOBODY.ask("https://127.0.0.1/", seconds=1)
