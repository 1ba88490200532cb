"""Answers that must keep coming: whoever sends one byte a second, in headers or body, is left after a bounded time."""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3

SLOWEST_BYTES = 16 * 1024
"""Bytes a second below which an answer is given up, once the seconds of its request have passed."""


class PacedSocket(io.RawIOBase):
    """Reads a socket until its time-out, as it stands when the answer begins, has passed in all.

    A socket's own time-out begins again with each byte. Here each `SLOWEST_BYTES` that came add one second, so a long
    answer may take long and a slow one may not.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._socket = raw, sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._socket.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        self._deadline += (count or 0) / SLOWEST_BYTES
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class PacedResponse(HTTPResponse):
    """An answer whose status line, headers and body come from a `PacedSocket`."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(PacedSocket(self.fp.detach(), sock))


class _Http(urllib3.connection.HTTPConnection):
    response_class = PacedResponse


class _Https(urllib3.connection.HTTPSConnection):
    response_class = PacedResponse


class PacedHttpPool(urllib3.HTTPConnectionPool):
    """Connections whose answers are paced."""

    ConnectionCls = _Http


class PacedHttpsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _Https
