"""Answers that hold a token or a key: told once, so that the same request, sent again, makes no second one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, request

from reconciler.db import once
from reconciler.db.once import Repeated
from web.api.asked import SAME_NAME, idempotency
from web.auth import gate
from web.pages.rendering import now
from web.problems import Problem, answer


@contextmanager
def telling_once(body: dict[str, Any]) -> Iterator[Callable[[str], None]]:
    """As `reconciler.db.once.telling_once`, for the request that is being answered. Raises `Refused` and `Repeated`."""
    with once.telling_once(gate.caller().person, idempotency(), _sha256(body), now=now()) as made:
        yield made


def repeated(again: Repeated, body: dict[str, Any]) -> Response:
    """The answer to a request that was done before: what it made, and not its token or key."""
    if again.row.request != _sha256(body):
        return answer(SAME_NAME)
    found = answer(
        Problem(
            409, "E-API-033", "This was made already",
            "The first request with this Idempotency-Key made it, and what it told is told once. Whoever did not get"
            " that answer revokes what was made and asks with another Idempotency-Key.",
            more={"made": again.row.made},
        )
    )  # fmt: skip
    found.headers["Location"] = again.row.made
    return found


def _sha256(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([request.path, body], sort_keys=True).encode()).hexdigest()
