"""Makes a change that somebody asked for over the JSON interface: one commit on an environment's branch, in their name.

The wishes are the ones that the verbs of `sentinelctl` make, and are judged like them. The commit carries the change's
name for people. A worker that dies after its push finds its commit by what the database says was about to be pushed:
whoever may push can write any name into a commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.clock import parse_iso
from reconciler.db import asking
from reconciler.db.changes import Change
from reconciler.db.owed import ask
from reconciler.errors import LostRace, NotYet, Stalled
from reconciler.flows.asked import make_asked
from reconciler.flows.casting import Word, cast
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.git.identity import Identity
from reconciler.git.mirror import HEADS
from reconciler.git.reading import Limits, read_tree
from reconciler.git.writing import commit_edit, push
from reconciler.release.ballot import APPROVE, REJECT
from reconciler.release.branch import parse_branch
from reconciler.release.pins import Pin
from reconciler.release.state import BranchFiles, Hold, Release
from reconciler.release.wishes.going import go_wish
from reconciler.release.wishes.holding import PAUSE, hold_wish, resume_wish
from reconciler.release.wishes.pinning import pin_wish, unpin_wish
from reconciler.release.wishes.quarantining import allow_wish, forbid_wish
from reconciler.release.wishes.releasing import cancel_wish, previous, promote_wish, rollback_wish
from reconciler.release.wishes.wish import Already, Wish, message_of

TRAILER = "Change"
ATTEMPTS = 8
"""A rollout commits at most every few seconds; losing this many races in a row is left to the job's own pace."""

SEARCHED = 5_000
"""Commits of the branch in which the change is looked for that a dead worker may have pushed."""

LIMITS = Limits(files=5_000, file_bytes=1024 * 1024, total_bytes=16 * 1024 * 1024, depth=8)

Decide = Callable[[str, BranchFiles, Mapping[str, Any], str], Wish | Already]
"""(environment, its branch, the body, who) → what to commit."""


def _promote(environment: str, files: BranchFiles, body: Mapping[str, Any], who: str) -> Wish | Already:
    at = body.get("not_before")
    wanted = Release(
        body["digest"],
        body.get("commit", ""),
        body.get("why", ""),
        who,
        not_before=parse_iso(at) if at is not None else None,
        hotfix=body.get("hotfix", ""),
        only=body.get("only", ""),
    )
    return promote_wish(environment, files, wanted, "named by who asked")


def _rollback(environment: str, files: BranchFiles, body: Mapping[str, str], who: str) -> Wish | Already:
    return rollback_wish(environment, files, previous(files, environment), body.get("why", ""), who)


def _pin(environment: str, files: BranchFiles, body: Mapping[str, Any], who: str) -> Wish | Already:
    until = body.get("until")
    pin = Pin(
        body["pin"],
        body["digest"],
        body.get("nodes", ""),
        tuple(body.get("node", ())),
        who,
        body["reason"],
        parse_iso(until) if until is not None else None,
    )
    return pin_wish(environment, files, pin)


OPERATIONS: Mapping[str, Decide] = {
    "promote": _promote,
    "rollback": _rollback,
    "cancel": lambda environment, files, body, who: cancel_wish(environment, files, body["why"], who),
    "pause": lambda environment, files, body, who: hold_wish(
        environment, files, Hold(PAUSE, body["reason"], who)
    ),
    "resume": lambda environment, files, body, who: resume_wish(environment, files, body.get("hold"), who),
    "go": lambda environment, files, body, who: go_wish(
        environment, files, body["step"], body.get("why", ""), who
    ),
    "revoke": lambda environment, files, body, who: forbid_wish(
        environment, files, body["digest"], body["why"], who
    ),
    "allow": lambda environment, files, body, who: allow_wish(
        environment, files, body["digest"], body["why"], who
    ),
    "pin": _pin,
    "unpin": lambda environment, files, body, who: unpin_wish(environment, files, body["pin"], who),
}

VERDICTS = {"approve": APPROVE, "reject": REJECT}
"""Words of people, which count because we say for whom they are: their commit is ours, and signed."""


def run(context: Context, subject: str, renew: Callable[[], None]) -> Outcome:
    """Make the change of that id, unless it was made. A change that cannot be made says why, and is not tried again."""
    return make_asked(context, subject, lambda row: _make(context, row, renew))


def _make(context: Context, row: Change, renew: Callable[[], None]) -> Outcome:
    ref = f"{HEADS}{context.project.branch_prefix}env/{row.environment}"
    author = Identity(str(row.author_name), str(row.author_email))
    for _ in range(ATTEMPTS):
        head = context.mirror.fetch().get(ref)
        renew()
        if head is None:
            raise Stalled("E-GIT-204", f"the environment '{row.environment}' has no branch")
        # Asked after the fetch: what is on the branch by then was written down before it was pushed.
        made = _made_before(context, head, asking.tried(row))
        if made is not None:
            return _done(context, row, made, "it was pushed before")
        if row.operation in VERDICTS:
            return _cast(context, row)
        wish = OPERATIONS[row.operation](row.environment, _files(context, head, row), row.body, str(author))
        if isinstance(wish, Already):
            asking.finish(row, "unchanged", now=context.now(), message=wish.because)
            return Outcome("unchanged", wish.because)
        wish = replace(wish, trailers=(*wish.trailers, (TRAILER, str(row.id))))
        sha = commit_edit(
            context.mirror,
            head,
            wish.edits,
            message=message_of(wish),
            author=author,
            committer=author,
            when=context.now(),
            key=None,
        )
        asking.trying(row, sha)
        try:
            push(context.mirror, ref, sha, head)
        except LostRace:
            continue
        return _done(context, row, sha, wish.next)
    raise LostRace("E-GIT-206", f"the branch of '{row.environment}' moved {ATTEMPTS} times during {row.id}")


def _cast(context: Context, row: Change) -> Outcome:
    """A person's word on a release, whom the gate has shown to be themselves.

    An approval is of what the environment showed when it was asked for: whatever is wished since then nobody has read.
    A rejection stops whatever is wished.
    """
    via = f"the interface, {TRAILER.lower()} {row.id}"
    word = Word(str(row.author_email), VERDICTS[str(row.operation)], row.body.get("why", ""), via)
    if word.verdict == APPROVE:
        shown = json.loads(str(row.content)) if row.content else {}
        word = replace(word, digest=shown.get("digest") or "none", plan=shown.get("plan") or "")
    try:
        sha = cast(
            context,
            str(row.environment),
            word,
            now=context.now,
            trying=lambda sha: asking.trying(row, sha),
        )
    except NotYet as wait:
        # It is told at once: who approves has looked at something, and what comes later is something else.
        raise Stalled(
            wait.code, wait.message, cure="Ask again when the environment's page shows a plan"
        ) from None
    return _done(context, row, sha, "It counts where the policy lets this person approve")


def _files(context: Context, head: str, row: Change) -> BranchFiles:
    read = read_tree(context.mirror, head, "", limits=LIMITS, select=lambda path: path.endswith(".kdl"))
    if read.problems:
        problem = read.problems[0]
        raise Stalled(
            "E-GIT-205",
            f"the branch of '{row.environment}' cannot be read: {problem.path}: {problem.message} ({problem.code})",
            cure="Remove that file from the branch",
        )
    return parse_branch({path: content for path, _, content in read.files})


def _made_before(context: Context, head: str, tried: frozenset[str]) -> str | None:
    if not tried:
        return None
    commits = context.mirror.first_parents(head, limit=SEARCHED, stop=None)
    return next((commit.sha for commit in commits if commit.sha in tried), None)


def _done(context: Context, row: Change, sha: str, message: str) -> Outcome:
    asking.finish(row, "committed", now=context.now(), commit=sha, message=message)
    ask(
        context.organization.slug,
        context.project.slug,
        "environment",
        str(row.environment),
        now=context.now(),
    )
    return Outcome("changed", f"{row.operation} of {row.environment} is {sha[:12]}")
