"""Makes the commit that a decision is: its files, its words, and the inputs that let it be decided again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from reconciler.bundle import canonical
from reconciler.bundle.archive import unpack
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import config_path
from reconciler.clock import iso_milliseconds
from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.envbranch import EVENT_TRAILER, BranchRead
from reconciler.flows.log.signing import newest
from reconciler.flows.projection import LOG_TRAILER
from reconciler.flows.roots import signers, trusted_roots
from reconciler.git.identity import Identity
from reconciler.git.writing import commit_edit
from reconciler.release.actions import OpenRollout
from reconciler.release.apply import Edit, Material, apply, wanted_config
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.state import BranchFiles, EnvironmentState
from reconciler.store import layout
from reconciler.store.port import Missing

US = Identity("Sentinel", "reconciler@sentinel.invalid")
LONGEST_TRAILER = 500


def make_commit(
    context: Context,
    environment: str,
    branch: BranchRead | None,
    policy: EnvironmentPolicy,
    facts: Facts,
    decision: Decision,
    *,
    now: datetime,
) -> str:
    """Write the commit of the decision's action into the mirror and return its id. Nothing is pushed.

    Raises `Missing` when the bundle that a rollout opens with is not in the store.
    """
    action = decision.actions[0]
    state = branch.state if branch is not None else EnvironmentState(environment, BranchFiles())
    wanted = wanted_config(action, state)
    rendered = None
    if wanted:
        rendered = read_config(context, environment, wanted, required=isinstance(action, OpenRollout))
    material = Material(rendered, branch.originals if branch is not None else {})
    edit = apply(action, state, because=decision.because, now=now, material=material)
    inputs = _keep_inputs(context, environment, branch, policy, facts, now)
    log = str(newest(context).checkpoint)
    return commit_edit(
        context.mirror,
        branch.head if branch is not None else None,
        edit.files,
        message=message_of(edit, decision.because, inputs, log),
        author=US,
        committer=US,
        when=now,
        key=signers(context, "commit", trusted_roots(context).newest)[0],
    )


def message_of(edit: Edit, because: str, inputs: str, log: str) -> str:
    """A subject that people read, and trailers that machines do."""
    trailers = [
        ("Rollout", edit.rollout),
        ("Bundle", edit.digest),
        *edit.said,
        ("Because", because),
        ("Inputs", inputs),
        (LOG_TRAILER, log),
        (EVENT_TRAILER, edit.event),
        ("Actor", "reconciler"),
    ]
    return worded(edit.subject, trailers)


def worded(subject: str, trailers: Iterable[tuple[str, str]]) -> str:
    """A commit message. No value can begin a line of its own, so nobody's words become a trailer of ours."""
    lines = [f"{name}: {_line(value)}" for name, value in trailers if value]
    return f"{_line(subject)}\n\n" + "\n".join(lines) + "\n"


def read_config(context: Context, environment: str, digest: str, *, required: bool) -> bytes | None:
    """The environment's proxy configuration out of a bundle in the store.

    When it is not `required`, a bundle that cannot be had gives None: going back must not depend on it.
    """
    key = layout.bundle(context.organization.slug, context.project.slug, digest)
    try:
        return unpack(context.store.get(key, limit=LIMITS.blob)).get(config_path(environment))
    except (Missing, Refused):
        if required:
            raise
        return None


def _keep_inputs(
    context: Context,
    environment: str,
    branch: BranchRead | None,
    policy: EnvironmentPolicy,
    facts: Facts,
    now: datetime,
) -> str:
    """Store what the decision was made from, and return its digest: with the branch at `head` it can be made again."""
    data = canonical.encode(
        {
            "environment": environment,
            "head": branch.head if branch is not None else None,
            "policy": policy.to_json(),
            "facts": facts.to_json(),
            "now": iso_milliseconds(now),
        }
    )
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    context.store.put(layout.decision(context.organization.slug, context.project.slug, digest), data)
    return digest


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_TRAILER else flat[: LONGEST_TRAILER - 1] + "…"
