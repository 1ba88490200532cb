"""Who asks: the node that a credential belongs to. Nothing here waits for a database, and every *no* looks alike.

A credential is the node's key, or a token that was given for it. A project may take keys for tokens alone.
"""

from __future__ import annotations

from datetime import datetime

from web.nodes.body import Scope
from web.nodes.directory import NodeEntry
from web.nodes.problems import token_required, unauthenticated
from web.nodes.service import Service

KEY_PREFIX = b"snk_"


async def admit(service: Service, node_id: str, scope: Scope) -> NodeEntry:
    """The node that the path names, if the credential is its own. Raises `Problem` 401, the same for every cause.

    403 for a key that is right, in a project that takes tokens alone.
    """
    node = await admit_anyone(service, scope)
    if node.id != node_id:
        raise unauthenticated()
    return node


async def admit_anyone(service: Service, scope: Scope) -> NodeEntry:
    """The node that the credential belongs to, for paths that name none. Raises `Problem`."""
    credential = bearer(scope)
    if not credential:
        raise unauthenticated()
    if credential.startswith(KEY_PREFIX):
        node = await _by_key(service, credential)
        if node.project in service.tokens_only:
            raise token_required()
        return node
    return await _by_token(service, credential)


async def admit_key(service: Service, node_id: str, scope: Scope) -> NodeEntry:
    """The node that the path names, if its key itself is shown: for what a stolen token must not do."""
    credential = bearer(scope)
    if not credential.startswith(KEY_PREFIX):
        raise unauthenticated()
    node = await _by_key(service, credential)
    if node.id != node_id:
        raise unauthenticated()
    return node


def bearer(scope: Scope) -> bytes:
    """The credential in the Authorization header; empty when there is none, or more than one header."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1:
        return b""
    scheme, _, credential = found[0].partition(b" ")
    return credential if scheme.lower() == b"bearer" else b""


async def _by_key(service: Service, key: bytes) -> NodeEntry:
    node = service.directory.holder(key)
    if node is None:
        # The node may have registered with another worker a moment ago.
        await service.look_early()
        node = service.directory.holder(key)
    if node is None:
        raise unauthenticated()
    return node


async def _by_token(service: Service, token: bytes) -> NodeEntry:
    node = _holder(service, token, service.now())
    if node is None and not service.tokens.knows_key_of(token):
        await service.look_early()
        node = _holder(service, token, service.now())
    if node is None:
        raise unauthenticated()
    return node


def _holder(service: Service, token: bytes, now: datetime) -> NodeEntry | None:
    claims = service.tokens.read(token, now)
    node = service.directory.nodes.get(claims.node) if claims is not None else None
    if claims is None or node is None or not node.key.startswith(claims.key):
        return None
    if node.tokens_after is not None and claims.issued_at <= node.tokens_after:
        return None
    return node
