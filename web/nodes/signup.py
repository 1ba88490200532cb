"""Registration over HTTP: the only route without a node's key."""

from __future__ import annotations

import asyncio
import json

from reconciler.bundle.sealed import written
from web.nodes.body import Receive, Scope, Send, parse_object, read_body
from web.nodes.problems import not_ready
from web.nodes.proving import challenge
from web.nodes.registration import Application, owner, read_application, register
from web.nodes.replies import send_json
from web.nodes.service import Service


async def serve_registration(
    service: Service, project: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Join token → 201 with the node's id, its key (shown this once) and the newest root of its organization.

    A machine that brings keys and no proof yet is first answered 202 with a challenge, which uses nothing up.
    """
    application = read_application(parse_object(await read_body(scope, receive)))
    address = str((scope.get("client") or ("",))[0])

    loop = asyncio.get_running_loop()
    root = await loop.run_in_executor(service.reader, _root, service, project, application)
    keys = application.keys
    if keys is not None and application.proof is None:
        sealed = await loop.run_in_executor(
            service.writer, lambda: challenge(application.token, keys, now=service.now())
        )
        return await send_json(send, 202, {"challenge": written(sealed)})
    registered = await loop.run_in_executor(
        service.writer, lambda: register(project, application, now=service.now(), address=address)
    )
    entry = registered.entry
    service.directory.admit(entry)
    return await send_json(
        send,
        201,
        {
            "id": entry.id,
            "key": registered.key,
            "organization": entry.organization,
            "project": entry.project,
            "environment": entry.environment,
            "root": json.loads(root),
            "poll_seconds": service.settings.node_poll_seconds,
        },
    )


def _root(service: Service, project: str, application: Application) -> bytes:
    # Before the token is used: a registration that cannot be completed must not cost one of its uses.
    organization = owner(project, application.token)
    version = service.artifacts.newest_root(organization)
    root = None if version is None else service.artifacts.root(organization, version)
    if root is None:
        raise not_ready(
            "The organization has no root yet: somebody has to publish one with sentinelctl keys publish"
        )
    return root
