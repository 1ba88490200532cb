"""Downloads: compressed bundles by digest, roots by number, tiles of the log by their path.

Knowing a digest is no right to read it: a bundle is served to nodes of the project that published it.
"""

from __future__ import annotations

import asyncio
import math
import re
import time

from web.nodes.admitting import admit, admit_anyone
from web.nodes.body import Scope, Send
from web.nodes.directory import BlobEntry, NodeEntry
from web.nodes.problems import bad_range, downloaded_enough, no_bundle, no_root, no_tile
from web.nodes.replies import Headers, send_bytes, send_empty
from web.nodes.reports import DIGEST
from web.nodes.service import Service

CHUNK = 64 * 1024
"""A slow node holds one chunk of its own in the socket; the blob itself is shared."""

LINK_SECONDS = 900
"""How long a presigned link holds: long enough for a slow download to begin, which is when it is checked."""

_RANGE = re.compile(rb"bytes=([0-9]{1,15})-([0-9]{0,15})")


async def serve_blob(service: Service, digest: str, scope: Scope, send: Send) -> None:
    """The compressed bundle, or a presigned link to it where nodes reach the object store.

    A single byte range is honoured, so that a download can be resumed (RFC 9110 §14).
    """
    node = await admit_anyone(service, scope)
    blob = await _find(service, node, digest)
    tag = f'"{blob.sha256}"'.encode()
    headers: Headers = (
        (b"content-type", b"application/zstd"),
        (b"etag", tag),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, immutable, max-age=86400"),
    )
    asked = {
        name: value for name, value in scope["headers"] if name in (b"range", b"if-none-match", b"if-range")
    }
    if tag in asked.get(b"if-none-match", b""):
        return await send_empty(send, 304, headers)
    link = service.artifacts.blob_link(blob.organization, blob.project, blob.digest, seconds=LINK_SECONDS)
    if link is not None:
        _spend(service, node, blob.length, blob.length)
        # The link is for whoever has it, so nobody between us and the node may keep it.
        where = ((b"location", link.encode()), (b"cache-control", b"no-store"), (b"content-length", b"0"))
        return await send_empty(send, 307, where)
    loop = asyncio.get_running_loop()
    data = await loop.run_in_executor(
        service.files, service.artifacts.blob, blob.organization, blob.project, blob.digest, blob.length
    )
    if data is None:
        raise no_bundle()
    start, end, status = 0, len(data), 200
    if b"range" in asked and asked.get(b"if-range", tag) == tag:
        start, end = _range(asked[b"range"], len(data))
        status = 206
        headers = (*headers, (b"content-range", b"bytes %d-%d/%d" % (start, end - 1, len(data))))
    if scope["method"] == "GET":
        _spend(service, node, end - start, blob.length)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(end - start).encode())],
        }
    )
    if scope["method"] == "HEAD":
        end = start
    whole = memoryview(data)
    for position in range(start, end, CHUNK):
        stop = min(position + CHUNK, end)
        await send(
            {"type": "http.response.body", "body": bytes(whole[position:stop]), "more_body": stop < end}
        )
    if start == end:
        await send({"type": "http.response.body", "body": b""})
    return None


async def serve_root(service: Service, node_id: str, version: int, scope: Scope, send: Send) -> None:
    """One version of the root of the node's organization."""
    node = await admit(service, node_id, scope)
    loop = asyncio.get_running_loop()
    root = await loop.run_in_executor(service.files, service.artifacts.root, node.organization, version)
    if root is None:
        raise no_root()
    await send_bytes(send, 200, ((b"content-type", b"application/json"),), root)


async def serve_log_tile(service: Service, node_id: str, path: str, scope: Scope, send: Send) -> None:
    """A tile of the log of the node's organization: 8 KiB at most, the same for all its nodes, from memory mostly."""
    node = await admit(service, node_id, scope)
    loop = asyncio.get_running_loop()
    tile = await loop.run_in_executor(service.files, service.artifacts.log_tile, node.organization, path)
    if tile is None:
        raise no_tile()
    await send_bytes(
        send,
        200,
        (
            (b"content-type", b"application/octet-stream"),
            (b"cache-control", b"private, immutable, max-age=86400"),
        ),
        tile,
    )


async def _find(service: Service, node: NodeEntry, digest: str) -> BlobEntry:
    if not DIGEST.fullmatch(digest):
        raise no_bundle()
    blob = service.directory.blobs.get((node.project, digest))
    if blob is None:
        # A pointer can be seen a moment before the row of its bundle.
        await service.look_early()
        blob = service.directory.blobs.get((node.project, digest))
    if blob is None or blob.organization != node.organization:
        raise no_bundle()
    return blob


def _spend(service: Service, node: NodeEntry, length: int, whole: int) -> None:
    wait = service.downloads.wait(node.id, length, whole, time.monotonic())
    if wait > 0:
        raise downloaded_enough(math.ceil(wait))


def _range(value: bytes, length: int) -> tuple[int, int]:
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        raise bad_range(length)
    start = int(match[1])
    end = min(int(match[2]) + 1, length) if match[2] else length
    if start >= end:
        raise bad_range(length)
    return start, end
