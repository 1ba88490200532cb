"""The ASGI callable: `gunicorn web.nodes.app:application -k asgi --no-control-socket`.

Importing it does nothing. The lifespan protocol builds one `Service` for each worker, from the environment.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Mapping

from reconciler.errors import ReconcilerError
from web.nodes.body import Disconnected, Receive, Scope, Send
from web.nodes.problems import Problem, failed, not_ready
from web.nodes.replies import send_problem
from web.nodes.routes import dispatch, label
from web.nodes.service import Service, open_service

SWITCH_SECONDS = 0.0005
OBJECTS_BETWEEN_LOOKS = 20_000

log = logging.getLogger("sentinel.nodes")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request, or one worker's life."""
    if scope["type"] == "http":
        await answer(scope["state"]["service"], scope, receive, send)
    elif scope["type"] == "lifespan":
        await live(scope, receive, send, os.environ)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1003})


async def live(scope: Scope, receive: Receive, send: Send, environ: Mapping[str, str]) -> None:
    """The life of a worker: build, serve, flush."""
    await receive()
    # The thread that writes heartbeats would else keep the event loop waiting for 5 ms at each of its system calls.
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        service = open_service(environ)
        await service.start()
    except ReconcilerError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    # What is there now stays, and needs no looking through for garbage; and the collector looks less often, since each
    # report is many small objects, hardly any of which are ever part of a cycle.
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, 10, 10)
    scope["state"]["service"] = service
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await service.stop()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; whatever happens, the answer is JSON and carries a code."""
    status = 0

    async def noting(message: Scope) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        try:
            await dispatch(service, scope, receive, noting)
        except Problem as problem:
            await send_problem(noting, problem)
        except Disconnected:
            status = 499
        except ReconcilerError as error:
            log.warning("%s %s: %s", scope["method"], label(scope["path"]), error)
            await send_problem(noting, not_ready("The control plane cannot do this now; its log says why"))
        except Exception:
            log.exception("%s %s", scope["method"], label(scope["path"]))
            if status == 0:
                await send_problem(noting, failed())
            else:
                raise
    finally:
        service.metrics.requests[(label(scope["path"]), status)] += 1
