"""Projects the commits of an environment branch into rows that pages list: history, rollouts, events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from reconciler.clock import iso_milliseconds
from reconciler.db.audit import record_commit
from reconciler.db.models import Event, Release, Rollout
from reconciler.flows.context import Context
from reconciler.flows.envbranch import EVENT_TRAILER, FAR, CommitKeys, read_ledger_at
from reconciler.git.mirror import CommitInfo
from reconciler.release.decision import Decision
from reconciler.release.state import OPEN_STATES, Ledger, Plan
from reconciler.release.state import Rollout as LedgerRollout

LOG_TRAILER = "Log"
CHANGED_BY_HAND = "environment.changed"


def new_commits(context: Context, environment: str, head: str) -> tuple[int, list[CommitInfo]]:
    """How many commits are projected already, and those that are not yet, the oldest first. Call inside `reading`."""
    newest = _releases(context, environment).order_by(Release.height.desc()).first()
    commits = context.mirror.first_parents(head, limit=FAR, stop=newest.sha if newest is not None else None)
    return (newest.height if newest is not None else 0), commits[::-1]


def project(
    context: Context, environment: str, height: int, commits: list[CommitInfo], keys: CommitKeys
) -> list[str]:
    """Write rows for commits that are not projected yet, once each. Returns the names of what happened.

    Call inside the transaction that has taken the environment's row.
    """
    events = []
    scope = _scope(context, environment)
    for number, commit in enumerate(commits, start=height + 1):
        ours = context.mirror.signed_by(commit.sha, *keys.believed)
        Release.insert(
            **scope,
            sha=commit.sha,
            height=number,
            subject=commit.subject,
            body=commit.body,
            trailers=[list(trailer) for trailer in commit.trailers],
            author_name=commit.author_name,
            author_email=commit.author_email,
            committed_at=commit.committed_at,
            ours=ours,
        ).on_conflict_ignore().execute()
        record_commit(
            scope["organization"],
            scope["project"],
            f"env/{environment}",
            commit.sha,
            author=f"{commit.author_name} <{commit.author_email}>",
            subject=commit.subject,
            trailers={name: value for name, value in commit.trailers if name != LOG_TRAILER},
            at=commit.committed_at,
        )
        if ours:
            files = read_ledger_at(context.mirror, commit.sha)
            if files.ledger is not None:
                project_rollout(context, environment, files.ledger)
        event = (commit.trailer(EVENT_TRAILER) if ours else None) or CHANGED_BY_HAND
        events.append(event)
        Event.create(
            organization=scope["organization"],
            project=scope["project"],
            kind=event,
            subject=environment,
            message=commit.subject,
            details={
                "commit": commit.sha,
                "rollout": commit.trailer("Rollout") or "",
                "bundle": commit.trailer("Bundle") or "",
                "because": commit.trailer("Because") or "",
                "by": f"{commit.author_name} <{commit.author_email}>",
            },
            at=commit.committed_at,
        )
    return events


def project_rollout(context: Context, environment: str, ledger: Ledger) -> None:
    """Write the row of the ledger's rollout as one commit has it. Call inside a transaction."""
    rollout = ledger.rollout
    if rollout is None or ledger.plan is None:
        return
    if rollout.widens:
        _widened(context, environment, rollout)
    key = {**_scope(context, environment), "name": rollout.name}
    values = {
        "digest": rollout.digest,
        "previous": rollout.previous,
        "strategy": ledger.plan.rules.strategy,
        "state": rollout.state,
        "because": rollout.because,
        "view": rollout_view(rollout, ledger.plan),
        "opened_at": rollout.opened_at,
        "ended_at": rollout.ended_at,
    }
    fields = Rollout._meta.fields
    Rollout.insert(**key, **values).on_conflict(
        conflict_target=[fields[name] for name in key],
        update={fields[name]: value for name, value in values.items()},
    ).execute()


def _widened(context: Context, environment: str, rollout: LedgerRollout) -> None:
    """The rollout that another one took over from has ended, as far as it had come."""
    row = Rollout.get_or_none(
        *(getattr(Rollout, name) == value for name, value in _scope(context, environment).items()),
        Rollout.name == rollout.widens,
        Rollout.state.in_(OPEN_STATES),
    )
    if row is None:
        return
    ended = moment(rollout.opened_at)
    # A step was under way when the other nodes were wished: it was well, or no rollout would have opened.
    steps = [
        {**step, "state": "done", "ended": ended} if step["state"] == "active" else step
        for step in row.view["steps"]
    ]
    row.state, row.ended_at, row.view = "widened", rollout.opened_at, {**row.view, "steps": steps}
    row.save(only=[Rollout.state, Rollout.ended_at, Rollout.view])


def rollout_view(rollout: LedgerRollout, plan: Plan, decision: Decision | None = None) -> dict[str, Any]:
    """What pages show of a rollout. With a decision its counts and verdicts are those of the active step."""
    steps = []
    active = rollout.active if rollout.is_open else None
    for planned, done in zip(plan.steps, rollout.steps, strict=True):
        counts = dict(done.counts) or None
        verdicts = done.verdicts
        if decision is not None and active is not None and done.number == active.number and decision.verdicts:
            counts, verdicts = dict(decision.counts) or None, decision.verdicts
        steps.append(
            {
                "number": planned.number,
                "nodes": planned.nodes,
                "reaches": dict(planned.reaches),
                "lasts": planned.lasts,
                "weights": None if planned.weights is None else dict(planned.weights),
                "state": done.state,
                "since": moment(done.since),
                "ended": moment(done.ended),
                "counts": counts,
                "verdicts": [
                    {
                        "gate": v.gate,
                        "verdict": v.verdict,
                        "because": v.because,
                        "evidence": dict(v.evidence),
                    }
                    for v in verdicts
                ],
            }
        )
    deadline = None
    judged = rollout.state == "open" and rollout.returning is None
    if judged and active is not None and active.since is not None:
        lasts = plan.steps[active.number - 1].lasts
        deadline = active.since + timedelta(seconds=plan.rules.deadline_seconds + lasts)
    return {
        "steps": steps,
        "deadline": moment(deadline),
        "on_failure": plan.rules.on_failure,
        "commit": rollout.commit,
        "max_unavailable": plan.rules.max_unavailable,
        "spread": plan.rules.spread,
        "only": plan.wished,
        "widens": rollout.widens,
    }


def moment(value: datetime | None) -> str | None:
    """A moment in a view, in milliseconds, or None."""
    return None if value is None else iso_milliseconds(value)


def _releases(context: Context, environment: str):  # type: ignore[no-untyped-def]
    scope = _scope(context, environment)
    return Release.select().where(
        Release.organization == scope["organization"],
        Release.project == scope["project"],
        Release.environment == environment,
    )


def _scope(context: Context, environment: str) -> dict[str, str]:
    return {
        "organization": context.organization.slug,
        "project": context.project.slug,
        "environment": environment,
    }
