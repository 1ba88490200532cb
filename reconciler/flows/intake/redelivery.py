"""Asks the forge to deliver again what failed, where its API allows, and looks how it says that the webhook fares.

Nothing depends on it, for the sweep has found the moves already: it makes receipts complete, and tells people of a
webhook that is switched off or answered badly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from reconciler.db.intake import Receipt
from reconciler.db.models import Event
from reconciler.db.session import reading, writing
from reconciler.db.webhooks import Webhook
from reconciler.errors import NotYet, Stalled
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.pulls.reaching import api_of
from reconciler.forge.calling import Api
from reconciler.forge.hooks import Attempt, Hook
from reconciler.forge.request import path_of

MOST_ATTEMPTS = 3
"""A delivery that the forge has tried this often is not asked for again."""

KEPT = timedelta(days=3)
"""How long GitHub keeps a delivery; GitLab keeps them longer."""

MOST_AT_ONCE = 5
"""GitLab allows so many in a minute."""

PAUSE = timedelta(minutes=1)
NOT_ALLOWED = "E-FRG-011"
GONE = "the forge has no webhook with our address"


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Look at the repository's webhook, and ask for what failed. Raises as the forge does."""
    api, connection = api_of(context), context.connection
    if api is None or connection is None or not connection.secrets:
        return Outcome("unchanged", "the connection names no credentials to ask the forge with")
    if not connection.receiver:
        # Another installation's webhook in the same repository may have a connection of the same name.
        return Outcome("unchanged", "the connection does not say by `receiver` which webhook is ours")
    hooks, path = api.forge.hooks, path_of(context.project.repository)
    try:
        found = api.ask(hooks.listed(path), hooks.read, now=context.now())
    except Stalled as refused:
        if refused.code != NOT_ALLOWED:
            raise
        # Whoever gave us no right to administer webhooks need not be told that we have none.
        return Outcome("unchanged", f"the credentials may not see webhooks: {refused.message}")
    ours = connection.webhook(connection.receiver)
    hook = next((one for one in found if one.url == ours), None)
    _note(context, hook.trouble if hook is not None else GONE)
    if hook is None or hooks.attempts is None or hooks.again is None:
        return Outcome("unchanged", GONE if hook is None else "this forge delivers nothing again on demand")
    failed = _failed(context, api, hook)
    for attempt in failed[:MOST_AT_ONCE]:
        api.send(hooks.again(path, hook.id, attempt.id), now=context.now())
        renew()
    if len(failed) > MOST_AT_ONCE:
        raise NotYet(
            "E-FRG-040", f"{len(failed) - MOST_AT_ONCE} more deliveries are asked for again", after=PAUSE
        )
    words = f"{len(failed)} deliveries are asked for again"
    return Outcome("changed" if failed else "unchanged", words)


def _failed(context: Context, api: Api, hook: Hook) -> list[Attempt]:
    """The last attempt of each delivery that never arrived and that we have no receipt of, the oldest first."""
    hooks, path = api.forge.hooks, path_of(context.project.repository)
    if hooks.attempts is None:
        return []
    by_delivery: dict[str, list[Attempt]] = {}
    for attempt in api.ask(hooks.attempts(path, hook.id), hooks.read_attempts, now=context.now()):
        by_delivery.setdefault(attempt.delivery, []).append(attempt)
    by_delivery.pop("", None)
    with reading():
        received = {
            row.delivery
            for row in Receipt.select(Receipt.delivery).where(
                Receipt.organization == context.organization.slug,
                Receipt.connection == (context.project.connection or ""),
                Receipt.delivery.in_(sorted(by_delivery)),
            )
        }
    oldest = context.now() - KEPT
    # Forges tell the newest first.
    failed = [
        tried[0]
        for delivery, tried in by_delivery.items()
        if delivery not in received and not any(one.arrived for one in tried) and len(tried) < MOST_ATTEMPTS
    ]
    return [one for one in reversed(failed) if one.at is None or one.at > oldest]


def _note(context: Context, trouble: str) -> None:
    """Write down how the webhook fares, and tell people when that is something new."""
    key = {
        "organization": context.organization.slug,
        "connection": context.project.connection or "",
        "url": context.project.repository,
    }
    values = {"trouble": trouble, "seen_at": context.now()}
    with writing():
        before = Webhook.get_or_none(**key)
        Webhook.insert(**key, **values).on_conflict(
            conflict_target=[Webhook.organization, Webhook.connection, Webhook.url], update=values
        ).execute()
        if trouble and (before is None or before.trouble != trouble):
            Event.create(
                organization=context.organization.slug,
                project=context.project.slug,
                kind="webhook.unwell",
                subject=context.project.connection or "",
                message=f"the webhook of {context.project.repository}: {trouble}",
                details={},
                at=context.now(),
            )
