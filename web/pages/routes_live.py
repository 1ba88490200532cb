"""`…/live`: server-sent events that say which parts of a page are out of date."""

from __future__ import annotations

from flask import Response, current_app, request

from web.auth.actions import needs
from web.pages.entrance import project_blueprint, scope
from web.pages.feed import Feed
from web.pages.stamps import decode
from web.problems import Problem, answer

blueprint = project_blueprint("live")

FULL = Problem(
    503, "E-WEB-007", "Too many open streams",
    "Half of this process's threads serve streams already. The page asks again every 15 seconds instead.",
    retry_after=15,
)  # fmt: skip


@blueprint.get("/live")
@needs("pages:read")
def stream() -> Response:
    """A stream; it goes on after `Last-Event-ID`, or after `?since=`, which the page was rendered with."""
    feed: Feed = current_app.extensions["sentinel.feed"]
    subscription = feed.subscribe(scope(), request.args.get("reader", "")[:64])
    if subscription is None:
        return answer(FULL)
    since = decode(request.headers.get("Last-Event-ID") or request.args.get("since"))
    response = Response(subscription.frames(since), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    # A reader who left before the first write never starts the generator, so its own clean-up is not enough.
    response.call_on_close(subscription.close)
    return response
