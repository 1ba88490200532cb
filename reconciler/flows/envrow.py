"""The row of an environment: where its branch stands, what pages show of it, and whether a person must act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reconciler.config.policy import EnvironmentPolicy
from reconciler.db import owed
from reconciler.db.models import Environment, Event, Rollout
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace, Stalled
from reconciler.flows.context import Context
from reconciler.flows.needs import digests_of, read_needs
from reconciler.flows.projection import moment, rollout_view
from reconciler.release.approvals import expected_plan, judged
from reconciler.release.assignment import assignment_of
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.pins import Pin
from reconciler.release.state import EnvironmentState, Ledger


def find_row(context: Context, environment: str) -> Environment | None:
    """The environment's row, or None when it was never looked at."""
    with reading():
        return Environment.get_or_none(*_is(context, environment))


def ensure_row(context: Context, environment: str, position: int, *, now: datetime) -> None:
    """Make the row when there is none, and put it at its place in promotion order."""
    row = find_row(context, environment)
    if row is not None and row.position == position:
        return
    with writing():
        Environment.insert(
            organization=context.organization.slug,
            project=context.project.slug,
            name=environment,
            position=position,
            updated_at=now,
        ).on_conflict(
            conflict_target=[Environment.organization, Environment.project, Environment.name],
            update={Environment.position: position},
        ).execute()


def take_row(
    context: Context, environment: str, *, head: str, known: str, ledger: Ledger, now: datetime
) -> None:
    """Move the row to a newly read head. First in a transaction: others who want the row wait for its end.

    Raises `LostRace` E-REL-006 when somebody else has moved the row since it was read.
    """
    rollout = ledger.open_rollout
    needs = read_needs(context, environment, digests_of(ledger))
    moved = (
        Environment.update(
            head=head,
            sequence=ledger.sequence,
            assignment=assignment_of(ledger, needs).to_json(),
            rollout=rollout.name if rollout is not None else "",
            updated_at=now,
        )
        .where(
            *_is(context, environment),
            Environment.head == known,
            Environment.sequence <= ledger.sequence,
        )
        .execute()
    )
    if moved != 1:
        raise LostRace("E-REL-006", f"somebody else is further with '{environment}'")


def lock_row(context: Context, environment: str, *, now: datetime) -> None:
    """Make others who want the row wait for the end of this transaction."""
    Environment.update(updated_at=now).where(*_is(context, environment)).execute()


def show(
    context: Context,
    state: EnvironmentState,
    policy: EnvironmentPolicy | None,
    facts: Facts,
    decision: Decision,
    *,
    now: datetime,
) -> None:
    """Write what pages show, when it differs from what they show now; clear what stalled the environment."""
    ledger = state.files.ledger or Ledger()
    view = environment_view(state, policy, facts, decision)
    open_rollout, plan = ledger.open_rollout, ledger.plan
    scope = (Rollout.organization == context.organization.slug, Rollout.project == context.project.slug)
    with reading():
        row = Environment.get(*_is(context, state.name))
    changes: dict[str, Any] = {} if row.view == view else {"view": view}
    if row.stalled_code:
        changes |= {"stalled_code": "", "stalled_message": ""}
    if not changes:
        return
    with writing():
        Environment.update(**changes, updated_at=now).where(*_is(context, state.name)).execute()
        if _next(row.view or {}) != _next(view):
            # What may come is judged against what runs, on the side that compiles.
            owed.ask(context.organization.slug, context.project.slug, "trunk", "", now=now)
        if "stalled_code" in changes:
            _say(context, state.name, "environment.unstalled", f"{state.name} goes on", {}, now)
        if open_rollout is not None and plan is not None:
            Rollout.update(view=rollout_view(open_rollout, plan, decision)).where(
                *scope, Rollout.environment == state.name, Rollout.name == open_rollout.name
            ).execute()


def _next(view: dict[str, Any]) -> tuple[str, str]:
    """What an environment runs, and what is wished for."""
    return view.get("live") or "", (view.get("release") or {}).get("digest") or ""


def note_stalled(context: Context, environment: str, error: Stalled, *, now: datetime) -> None:
    """Write down that a person must act, and say so once."""
    with writing():
        row = Environment.get_or_none(*_is(context, environment))
        message = str(error).removeprefix(f"{error.code} ")
        if row is None or (row.stalled_code, row.stalled_message) == (error.code, message):
            return
        Environment.update(stalled_code=error.code, stalled_message=message, updated_at=now).where(
            *_is(context, environment)
        ).execute()
        _say(context, environment, "environment.stalled", str(error), {"code": error.code}, now)


def environment_view(
    state: EnvironmentState, policy: EnvironmentPolicy | None, facts: Facts, decision: Decision
) -> dict[str, Any]:
    """The document that pages read; `docs/environment-branches.md` says what it holds."""
    files = state.files
    ledger = files.ledger or Ledger()
    wish = files.release
    return {
        "release": None
        if wish is None
        else {"digest": wish.digest, "commit": wish.commit, "why": wish.why, "by": wish.by, "only": wish.only}
        | ({"hotfix": wish.hotfix} if wish.hotfix else {}),
        "live": ledger.live or None,
        "waiting": [{"code": reason.code, "message": reason.message} for reason in decision.waiting],
        "plan": "" if policy is None else expected_plan(state, policy),
        "approvals": [] if policy is None else _approvals(state, policy, facts),
        "holds": [{"name": hold.name, "reason": hold.reason, "owner": hold.owner} for hold in files.holds],
        "pins": [_pin(pin, ledger) for pin in files.pins],
        "quarantine": [{"digest": found.digest, "why": found.why} for found in files.quarantine],
        "history": [
            {
                "digest": entry.digest,
                "rollout": entry.rollout,
                "sequence": entry.sequence,
                "completed": moment(entry.at),
            }
            for entry in ledger.history
        ],
        "malformed": [{"path": found.path, "message": found.message} for found in files.malformed],
        "because": decision.because,
        "look_again_at": moment(decision.look_again_at),
        "policy": None if policy is None else policy.to_json(),
    }


def _approvals(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> list[dict[str, Any]]:
    """Every approval of what is wished, those that do not count with the reason."""
    return [
        {
            "person": ballot.person,
            "why": ballot.why,
            "hotfix": ballot.hotfix,
            "counts": trouble is None,
            "because": facts.proofs[ballot.path].how if trouble is None else trouble.message,
        }
        for ballot, trouble in judged(state, policy, facts)
    ]


def _pin(pin: Pin, ledger: Ledger) -> dict[str, Any]:
    return {
        "name": pin.name,
        "digest": pin.digest,
        "nodes": pin.nodes or ", ".join(pin.ids),
        "owner": pin.owner,
        "reason": pin.reason,
        "until": moment(pin.until),
        "stands": any(standing.pin == pin for standing in ledger.pins),
    }


def _say(
    context: Context, environment: str, kind: str, message: str, details: dict[str, Any], now: datetime
) -> None:
    Event.create(
        organization=context.organization.slug,
        project=context.project.slug,
        kind=kind,
        subject=environment,
        message=message,
        details=details,
        at=now,
    )


def _is(context: Context, environment: str) -> tuple[Any, ...]:
    return (
        Environment.organization == context.organization.slug,
        Environment.project == context.project.slug,
        Environment.name == environment,
    )
