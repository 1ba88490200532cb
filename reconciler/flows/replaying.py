"""Makes the decisions of an environment branch again from their kept inputs, and compares the commits that follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.bundle.limits import LIMITS
from reconciler.clock import parse_iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.envbranch import CommitKeys, branch_ref, commit_keys, read_branch
from reconciler.flows.envcommit import message_of, read_config
from reconciler.git.commits import CommitInfo, read_message
from reconciler.release.apply import Material, apply, wanted_config
from reconciler.release.decide import decide
from reconciler.release.facts import Facts
from reconciler.release.paths import RENDERED
from reconciler.release.state import BranchFiles, EnvironmentState
from reconciler.store import layout
from reconciler.store.port import Missing

INPUTS = "Inputs"
MOST = 100_000


class Verdict(StrEnum):
    """How a commit of ours compares with the decision made again."""

    same = "same"
    different = "different"
    no_inputs = "no-inputs"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One commit of ours. `because` says what differs, or why nothing could be decided again."""

    sha: str
    subject: str
    verdict: Verdict
    because: str = ""


def replay(context: Context, environment: str, *, limit: int = MOST) -> Iterator[Replayed]:
    """Each commit of ours on the branch, the newest first, at most `limit`; commits of other people are passed over.

    Raises `Stalled` E-SIM-004 when the repository has no such branch, and as `trusted_roots`.
    """
    head = context.mirror.fetch().get(branch_ref(context, environment))
    if head is None:
        raise Stalled(
            "E-SIM-004",
            f"the repository has no branch of '{environment}'",
            cure="Name an environment that has been created",
        )
    keys = commit_keys(context)
    for commit in context.mirror.first_parents(head, limit=limit, stop=None):
        if context.mirror.signed_by(commit.sha, *keys.believed) and commit.trailer(INPUTS) is not None:
            yield _again(context, environment, commit, keys)


def _again(context: Context, environment: str, commit: CommitInfo, keys: CommitKeys) -> Replayed:
    def ends(verdict: Verdict, because: str = "") -> Replayed:
        return Replayed(commit.sha, commit.subject, verdict, because)

    inputs = commit.trailer(INPUTS) or ""
    try:
        key = layout.decision(context.organization.slug, context.project.slug, inputs)
        kept = context.store.get(key, limit=LIMITS.file)
    except (Missing, Refused, ValueError):
        return ends(Verdict.no_inputs, f"the store does not have {inputs}")
    if f"sha256:{hashlib.sha256(kept).hexdigest()}" != inputs:
        return ends(Verdict.different, f"what the store has as {inputs} is something else")
    try:
        data = json.loads(kept)
        policy, facts = EnvironmentPolicy.from_json(data["policy"]), Facts.from_json(data["facts"])
        parent, now = data["head"], parse_iso(data["now"])
    except (ValueError, KeyError, TypeError):
        return ends(Verdict.no_inputs, "its inputs are of another version and cannot be read")
    if (parent,) != (commit.parents[:1] or (None,)):
        return ends(
            Verdict.different, f"it was decided on top of {parent}, and stands on {commit.parents[:1]}"
        )
    state, originals = EnvironmentState(environment, BranchFiles()), {}
    if parent is not None:
        branch = read_branch(context.mirror, parent, environment, _of_that_time(context, commit, keys))
        state, originals = branch.state, dict(branch.originals)
    decision = decide(state, policy, facts, now=now)
    if len(decision.actions) != 1:
        return ends(Verdict.different, f"today nothing would be done: {decision.because}")
    (action,) = decision.actions
    wanted = wanted_config(action, state)
    rendered = read_config(context, environment, wanted, required=False) if wanted else None
    edit = apply(action, state, because=decision.because, now=now, material=Material(rendered, originals))
    subject, _, trailers = read_message(
        message_of(edit, decision.because, inputs, commit.trailer("Log") or "")
    )
    if (subject, trailers) != (commit.subject, commit.trailers):
        return ends(Verdict.different, f"today it would say: {subject}: {decision.because}")
    for path, content in sorted(edit.files.items()):
        # A bundle that retention has removed cannot be rendered any more; what it led to is in the branch.
        unknown = path == RENDERED and rendered is None
        if not unknown and context.mirror.read_file(commit.sha, path) != content:
            return ends(Verdict.different, f"today it would write another {path}")
    return ends(Verdict.same)


def _of_that_time(context: Context, commit: CommitInfo, keys: CommitKeys) -> CommitKeys:
    """The keys as they were when the commit was made: the one that signed it was the one in force."""
    signed = tuple(key for key in keys.believed if context.mirror.signed_by(commit.sha, key))
    return CommitKeys(signed, tuple(key for key in keys.believed if key not in signed), keys.revoked)
