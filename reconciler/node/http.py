"""Carries out HTTP requests of the machine: bounded in bytes and in time, whatever the other side does."""

from __future__ import annotations

import ssl
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import urllib3

from reconciler.node.effects import Answer, Failed, HttpReply, HttpRequest
from reconciler.node.pacing import SLOWEST_BYTES, PacedHttpPool, PacedHttpsPool
from reconciler.node.protocol import SLOW
from reconciler.node.way import DIRECT, Way

CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024


class ControlPlane:
    """The control plane at one base URL, and mirrors of what it publishes at others. Safe between threads; connections
    are kept and used again."""

    def __init__(
        self, url: str, mirrors: tuple[str, ...] = (), *, connections: int = 1, way: Way = DIRECT
    ) -> None:
        """Raises `Stalled` (E-NOD-103) when a file of `way` cannot be used."""
        self._urls = tuple(one.rstrip("/") for one in (url, *mirrors))
        own = way.context(own=True)
        self._own = _manager(way, own, connections, pools=1)
        self._once_only = partial(_manager, way, own, 1, pools=1)
        # Who is not the control plane is shown no certificate of this node.
        self._others = _manager(way, way.context(own=False), connections, pools=1 + len(mirrors))

    def ask(self, request: HttpRequest) -> Answer:
        """Send the request and read the whole answer. A redirect is an answer like any other, and followed only once
        and where the request allows it."""
        url = self._urls[request.source] + request.path
        if not request.again and not request.source:
            # The other side may close a kept connection just now, and nobody would know whether this was done.
            with self._once_only() as fresh:
                return self._once(fresh, request, url)
        pool = self._others if request.source else self._own
        answer = self._once(pool, request, url)
        if isinstance(answer, Failed) and answer.code != SLOW and request.again:
            # The usual cause is a kept connection that the other side closed just now.
            answer = self._once(pool, request, url)
        if request.elsewhere and isinstance(answer, HttpReply) and answer.status == 307:
            there = answer.headers.get("location", "")
            if urlsplit(there).scheme in ("http", "https"):
                # The other place is somebody else's: it gets no credential of this node.
                return self._once(self._others, replace(request, headers={}), there)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._own.clear()
        self._others.clear()

    def _once(self, pool: urllib3.PoolManager, request: HttpRequest, url: str) -> Answer:
        try:
            reply = pool.request(
                request.method,
                url,
                headers=dict(request.headers),
                body=request.body,
                preload_content=False,
                decode_content=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, request.seconds), read=request.seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _failed(error, request)
        try:
            body = bytearray()
            while len(body) <= request.limit:
                chunk = reply.read1(min(CHUNK, request.limit + 1 - len(body)))
                if not chunk:
                    break
                body += chunk
            headers = {name.lower(): value for name, value in reply.headers.items()}
            whole = len(body) <= request.limit
            return HttpReply(reply.status, headers, bytes(body))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            whole = False
            return _failed(error, request)
        finally:
            if whole:
                reply.release_conn()
            else:
                reply.close()


def _manager(
    way: Way, context: ssl.SSLContext | None, connections: int, *, pools: int
) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "maxsize": connections,
        "retries": False,
        "num_pools": pools,
        "ssl_context": context,
    }
    pool = (
        urllib3.ProxyManager(way.proxy_url, proxy_headers=way.proxy_headers, **options)
        if way.proxy
        else urllib3.PoolManager(**options)
    )
    pool.pool_classes_by_scheme = {"http": PacedHttpPool, "https": PacedHttpsPool}
    return pool


def _failed(error: Exception, request: HttpRequest) -> Failed:
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return Failed(
            f"the answer did not end within {request.seconds:.0f} s and one more for each {SLOWEST_BYTES} bytes",
            SLOW,
        )
    # The text of urllib3 names the host and the reason; it never holds headers, so no key can be in it.
    reason = getattr(error, "reason", None) or error
    return Failed(f"{type(reason).__name__}: {str(reason)[:200]}")
