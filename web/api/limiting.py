"""How often a caller may ask: a sliding minute for each caller and kind of action, in each process.

It keeps one program from taking everybody's time. What protects passwords is in `reconciler.db.throttling`.
"""

from __future__ import annotations

from math import ceil
from time import time

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from web.api.described import of_endpoint
from web.auth import gate
from web.auth.actions import action_of
from web.problems import Problem, answer

PER_MINUTE = {"read": 1000, "write": 200, "admin": 60}
"""By the verb of the action."""


def install(app: Flask) -> None:
    """Count the operations of the app."""
    app.extensions["sentinel.limiter"] = SlidingWindowCounterRateLimiter(MemoryStorage())
    app.extensions["sentinel.per_minute"] = {
        verb: RateLimitItemPerMinute(count) for verb, count in PER_MINUTE.items()
    }


def check() -> Response | None:
    """Refuse one request too many, and say when to come again."""
    operation = of_endpoint(current_app, request.endpoint)
    if operation is None or request.endpoint is None:
        return None
    action = action_of(current_app, request.endpoint)
    if action.public:
        return None
    verb = action.name.partition(":")[2]
    item: RateLimitItem = current_app.extensions["sentinel.per_minute"][verb]
    caller = gate.caller()
    who = caller.key or caller.person or request.remote_addr or ""
    limiter: SlidingWindowCounterRateLimiter = current_app.extensions["sentinel.limiter"]
    admitted = limiter.hit(item, action.name, who, cost=operation.cost)
    stats = limiter.get_window_stats(item, action.name, who)
    seconds = max(1, ceil(stats.reset_time - time()))
    g.rate = (item.amount, max(0, stats.remaining), seconds)
    if admitted:
        return None
    return answer(
        Problem(
            429,
            "E-API-003",
            "Too many requests",
            f"At most {item.amount} a minute of '{action.name}'.",
            retry_after=seconds,
        )
    )


def finish(response: Response) -> Response:
    """Say on every answer how many more there may be."""
    rate: tuple[int, int, int] | None = g.get("rate")
    if rate is not None:
        for name, value in zip(("Limit", "Remaining", "Reset"), rate, strict=True):
            response.headers[f"RateLimit-{name}"] = str(value)
    return response
