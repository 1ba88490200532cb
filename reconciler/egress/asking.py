"""One request and its answer: to a judged address, without redirects, in bounded time and size."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3

from reconciler.egress.addresses import Address, Network, refusal
from reconciler.egress.resolving import UnresolvedError, resolve
from reconciler.errors import Refused, Transient

PORTS = {"http": 80, "https": 443}
LONGEST_HEADERS = 64
AGENT = "sentinel-control-plane"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `cut`: the body was longer than asked for, and `body` is its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool
    milliseconds: int
    address: str


@dataclass(frozen=True, slots=True)
class Egress:
    """The way out of one installation. `allowed` are networks that are no public ones, and may be asked all the same;
    `trust` is certificates in PEM that are believed besides those of the system."""

    allowed: tuple[Network, ...] = ()
    trust: str = ""

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float,
        limit: int = 64 * 1024,
    ) -> Answer:
        """Send one request; the answer is there within `seconds`, its body not longer than `limit`.

        Raises `Refused` E-EGR-001 for a URL of another form and E-EGR-002 for an address that may not be asked, and
        then nothing was sent. Raises `Transient` E-EGR-003 when the name leads nowhere, E-EGR-004 when nobody
        answers, E-EGR-005 when it takes too long. No message holds more of the URL than its host.
        """
        started = time.monotonic()
        parts, host, port = _parts(url)
        try:
            addresses = resolve(host, seconds)
        except UnresolvedError as error:
            raise Transient("E-EGR-003", f"{host} cannot be asked: {error}") from None
        for address in addresses:
            # One forbidden address among good ones is what a name looks like that is being turned round.
            because = refusal(address, self.allowed)
            if because:
                raise Refused(
                    "E-EGR-002",
                    f"{host} may not be asked: {because}",
                    cure='If it has to be, allow it in control-plane.kdl: egress { allow "…"; }',
                )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        given = {"User-Agent": AGENT, **(headers or {}), "Host": parts.netloc, "Accept-Encoding": "identity"}
        trouble = "nobody answers"
        for address in addresses:
            left = seconds - (time.monotonic() - started)
            if left <= 0:
                break
            try:
                status, said, content, cut = _exchange(
                    self, parts.scheme, host, address, port, method, path, given, body, left, limit
                )
            except _UnansweredError as error:
                trouble = str(error)
                continue
            spent = int((time.monotonic() - started) * 1000)
            return Answer(status, said, content, cut, spent, str(address))
        if time.monotonic() - started >= seconds:
            raise Transient("E-EGR-005", f"{host} did not answer within {seconds:g} s")
        raise Transient("E-EGR-004", f"{host} could not be asked: {trouble}")


class _UnansweredError(Exception):
    """This address gave no answer; the text says why."""


def _parts(url: str) -> tuple[SplitResult, str, int]:
    """The parts of a URL, its host as it is resolved, its port. Raises `Refused` E-EGR-001."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise _malformed("it cannot be read") from None
    if parts.scheme not in PORTS:
        raise _malformed("it does not begin with https:// or http://")
    if not host:
        raise _malformed("it has no host")
    if "@" in parts.netloc:
        raise _malformed("it holds a user or a password")
    if any(not 32 < ord(character) < 127 for character in url):
        raise _malformed("it holds characters that belong into no URL")
    return parts, host, port or PORTS[parts.scheme]


def _malformed(why: str) -> Refused:
    return Refused("E-EGR-001", f"the URL cannot be asked: {why}", cure="Write it like https://host/path")


class _Cut:
    """Ends a connection when its time is over, whatever it is busy with: a peer that sends one byte a second would
    otherwise begin every time-out anew."""

    def __init__(self) -> None:
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self.done = False

    def watch(self, connected: socket.socket) -> None:
        """From now on the connection of this socket is ended, too."""
        # TLS takes the socket's descriptor over; a copy stays ours.
        copy = socket.socket(fileno=os.dup(connected.fileno()))
        with self._lock:
            self._watched.append(copy)
            if self.done:
                self._end()

    def over(self) -> None:
        with self._lock:
            self.done = True
            self._end()

    def close(self) -> None:
        with self._lock:
            for copy in self._watched:
                copy.close()
            self._watched.clear()

    def _end(self) -> None:
        for copy in self._watched:
            with contextlib.suppress(OSError):
                copy.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _cut_after(seconds: float) -> Iterator[_Cut]:
    cut = _Cut()
    timer = threading.Timer(seconds, cut.over)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        cut.close()


def _exchange(
    egress: Egress,
    scheme: str,
    host: str,
    address: Address,
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float,
    limit: int,
) -> tuple[int, dict[str, str], bytes, bool]:
    """(status, headers, body, whether it was cut) of one request to one address. Raises `_UnansweredError`."""
    with _cut_after(seconds) as cut, _pool(egress, scheme, host, address, port, seconds, cut) as pool:
        try:
            response = pool.request(
                method,
                path,
                body=body,
                headers=dict(headers),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                content = response.read(limit + 1, decode_content=False)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _UnansweredError("it took too long" if cut.done else _plainly(error)) from None
        if cut.done:
            raise _UnansweredError("it took too long")
        said = {name.lower(): value for name, value in list(response.headers.items())[:LONGEST_HEADERS]}
        return response.status, said, content[:limit], len(content) > limit


def _pool(
    egress: Egress, scheme: str, host: str, address: Address, port: int, seconds: float, cut: _Cut
) -> Any:
    """A pool of one connection that knows no other address than this one."""

    def connect(self: Any) -> socket.socket:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connected = socket.socket(family, socket.SOCK_STREAM)
        connected.settimeout(seconds)
        cut.watch(connected)
        try:
            connected.connect((str(address), port))
        except OSError:
            connected.close()
            raise
        return connected

    timeout = urllib3.Timeout(total=seconds)
    if scheme == "http":
        plain = type("_Pinned", (urllib3.connection.HTTPConnection,), {"_new_conn": connect})
        pool = urllib3.HTTPConnectionPool(str(address), port, timeout=timeout, maxsize=1)
        pool.ConnectionCls = plain
        return pool
    trusted = ssl.create_default_context()
    if egress.trust:
        trusted.load_verify_locations(cadata=egress.trust)
    secure = type("_PinnedTls", (urllib3.connection.HTTPSConnection,), {"_new_conn": connect})
    pool = urllib3.HTTPSConnectionPool(
        str(address),
        port,
        timeout=timeout,
        maxsize=1,
        ssl_context=trusted,
        server_hostname=host,
        assert_hostname=host,
    )
    pool.ConnectionCls = secure
    return pool


def _plainly(error: Exception) -> str:
    """A reason without the URL, which may hold more than everybody should read."""
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return "its certificate is not believed, or TLS failed"
    if isinstance(error, ConnectionRefusedError | urllib3.exceptions.NewConnectionError):
        return "nobody listens there"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "it took too long"
    return "it broke off, or answered what is no HTTP"
