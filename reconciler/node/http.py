"""Carries out HTTP requests of the machine: bounded in bytes and in time, whatever the other side does."""

from __future__ import annotations

import time

import urllib3

from reconciler.node.effects import Answer, Failed, HttpReply, HttpRequest

CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024


class ControlPlane:
    """The control plane at one base URL. Safe between threads; connections are kept and used again."""

    def __init__(self, url: str, *, connections: int = 1) -> None:
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, num_pools=2)

    def ask(self, request: HttpRequest) -> Answer:
        """Send the request and read the whole answer. A redirect is an answer like any other and never followed."""
        answer = self._once(request)
        if isinstance(answer, Failed) and request.again:
            # The usual cause is a kept connection that the other side closed just now.
            answer = self._once(request)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _once(self, request: HttpRequest) -> Answer:
        deadline = time.monotonic() + request.seconds
        try:
            reply = self._pool.request(
                request.method,
                self._url + request.path,
                headers=dict(request.headers),
                body=request.body,
                preload_content=False,
                decode_content=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, request.seconds), read=request.seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Failed(_words(error))
        try:
            body = bytearray()
            while len(body) <= request.limit:
                if time.monotonic() > deadline:
                    return Failed(f"the answer did not end within {request.seconds:.0f} s")
                # `read1` hands out what has arrived, so that a dripping answer cannot hold us in one long read.
                chunk = reply.read1(min(CHUNK, request.limit + 1 - len(body)))
                if not chunk:
                    break
                body += chunk
            headers = {name.lower(): value for name, value in reply.headers.items()}
            whole = len(body) <= request.limit
            return HttpReply(reply.status, headers, bytes(body))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            whole = False
            return Failed(_words(error))
        finally:
            if whole:
                reply.release_conn()
            else:
                reply.close()


def _words(error: Exception) -> str:
    # The text of urllib3 names the host and the reason; it never holds headers, so no key can be in it.
    reason = getattr(error, "reason", None) or error
    return f"{type(reason).__name__}: {str(reason)[:200]}"
