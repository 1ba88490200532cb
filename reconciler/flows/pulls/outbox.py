"""What is to be told, written with what it tells of. Equal words are never said twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from reconciler.db.forge import Outgoing
from reconciler.db.owed import ask
from reconciler.flows.context import Context
from reconciler.forge.opening import OPENERS, Proposal
from reconciler.forge.reports import Deployment, Report, report_to_json
from reconciler.plan.statuses import Status


def tell_statuses(context: Context, sha: str, statuses: Iterable[Status], url: str) -> None:
    """Have statuses set on a commit. Call inside a transaction."""
    for status in statuses:
        words = {
            "sha": sha,
            "context": status.context,
            "state": status.state,
            "description": status.description,
            "url": url,
        }
        # The subject has to fit a key, and a context of any length may be in it.
        name = hashlib.sha256(status.context.encode()).hexdigest()[:32]
        _tell(context, "status", f"{sha}/{name}", words)


def tell_note(context: Context, number: int, text: str) -> None:
    """Have the comment on a pull request say this. Call inside a transaction."""
    _tell(context, "note", str(number), {"text": text})


def tell_report(context: Context, told: Report) -> None:
    """Have findings shown beside the lines that they are about. Call inside a transaction."""
    name = hashlib.sha256(told.name.encode()).hexdigest()[:32]
    _tell(context, "report", f"{told.sha}/{name}", report_to_json(told))


def tell_deployment(context: Context, told: Deployment) -> None:
    """Have the forge show how far a commit has come in an environment. Call inside a transaction."""
    _tell(context, "deployment", f"{told.environment}/{told.sha}", asdict(told))


def tell_proposal(context: Context, told: Proposal) -> bool:
    """Have a pull request opened for a branch; False where that cannot be done. Call inside a transaction."""
    if context.connection is None or context.connection.forge not in OPENERS:
        return False
    if not context.connection.speaks:
        return False
    _tell(context, "proposal", told.source, asdict(told))
    return True


def _tell(context: Context, kind: str, subject: str, words: dict[str, Any]) -> None:
    wanted = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
    key = {
        "organization": context.organization.slug,
        "project": context.project.slug,
        "kind": kind,
        "subject": subject,
    }
    now = context.now()
    (
        Outgoing.insert(**key, words=words, wanted=wanted, changed_at=now)
        .on_conflict(
            conflict_target=[Outgoing.organization, Outgoing.project, Outgoing.kind, Outgoing.subject],
            update={
                Outgoing.words: words,
                Outgoing.wanted: wanted,
                Outgoing.problem: "",
                Outgoing.changed_at: now,
            },
            where=Outgoing.wanted != wanted,
        )
        .execute()
    )
    ask(context.organization.slug, context.project.slug, "tell", now=now)
