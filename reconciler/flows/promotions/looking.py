"""Promotions that are pull requests into an environment's branch: proposed, kept up to date, and merged where policy
says so.

Everything is read anew each time: the branches from git, and from the forge whether people have closed what asks for
them. What is pushed is compared and swapped, what is told to the forge is written down first, so this may run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from reconciler.db.owed import ask
from reconciler.db.promotions import Promotion
from reconciler.db.session import writing
from reconciler.flows.casting import read_wished
from reconciler.flows.context import Context
from reconciler.flows.envbranch import commit_keys
from reconciler.flows.facts import gather_facts, read_policies
from reconciler.flows.outcome import Outcome
from reconciler.flows.promotions.branches import Asking, asking
from reconciler.flows.promotions.committing import merge_pull, propose_branch, rebuild
from reconciler.flows.promotions.judging import judge
from reconciler.flows.promotions.look import Promoting
from reconciler.flows.promotions.pending import WAITING, rows_of
from reconciler.flows.promotions.saying import write_down
from reconciler.flows.pulls.outbox import tell_closing
from reconciler.flows.pulls.reaching import api_of
from reconciler.git.mirror import HEADS
from reconciler.git.writing import delete
from reconciler.release.actions import Promote
from reconciler.release.promotion import promote
from reconciler.release.pull_requests import Fate, Forge, Judged
from reconciler.release.state import Reason

LOOK = timedelta(minutes=10)
"""While a promotion waits the forge is asked this often whether it was closed: a delivery that says so may get lost."""

SETTLES = timedelta(minutes=1)
"""How long a forge is given to see by itself that what it has open was merged."""


def run(context: Context, environment: str, renew: Callable[[], None]) -> Outcome:
    """Look at the promotions of an environment once. Raises as the forge and git do."""
    trunk = read_policies(context)
    policy = trunk.of(environment)
    if policy is None or not policy.pull_request:
        _forget(context, rows_of(context, environment))
        return Outcome("unchanged", f"policy asks for no pull requests into '{environment}'")
    _, branch = read_wished(context, environment)
    if branch is None or branch.state.files.ledger is None:
        return Outcome("unchanged", f"'{environment}' has no branch of ours yet")
    if branch.state.tampered or branch.state.inherited:
        # What we sign on top of it would make its ledger ours. The environment puts it right, and asks again.
        return Outcome("waiting", f"the ledger of '{environment}' is put right first")
    look = Promoting(
        context,
        environment,
        policy,
        trunk,
        branch,
        context.mirror.refs(),
        api_of(context),
        context.now(),
    )
    renew()
    facts = gather_facts(context, look.state, policy, look.refs, now=look.now)
    promotion = promote(look.state, policy, facts, look.now)
    wanted = promotion if isinstance(promotion, Promote) else None
    if wanted is not None:
        propose_branch(look, wanted)
    renew()
    said = []
    found = list(asking(context, environment, look.refs, branch.head, commit_keys(context), look.api))
    for one in found:
        fate, moved = _settle(look, one, wanted)
        said.append(f"{one.row.branch}: {fate}")
        renew()
        if moved:
            # What is true of the others was read of a branch that has moved.
            ask(context.organization.slug, context.project.slug, "promotion", environment, now=look.now)
            break
    there = {one.row.branch for one in found}
    _forget(context, [row for row in rows_of(context, environment) if row.branch not in there], look)
    waits = any(row.fate in WAITING for row in rows_of(context, environment))
    settles = any(one.row.fate in (Fate.done, Fate.superseded) for one in found)
    moments = [look.until, look.now + LOOK if waits else None, look.now + SETTLES if settles else None]
    again = min((one for one in moments if one is not None), default=None)
    return Outcome("waiting" if waits else "unchanged", "; ".join(said) or "nothing is proposed", again)


def _settle(look: Promoting, found: Asking, wanted: Promote | None) -> tuple[Fate, bool]:
    """Do what becomes of one, and write it down; also whether a branch was moved for it."""
    row, one = found.row, found.one
    ended = row.fate in (Fate.done, Fate.superseded) and row.head == found.head
    if ended:
        _clear(look, found)
        return Fate(row.fate), False
    if one is None:
        words = f"the branch {row.branch} asks for nothing that can be read: {found.trouble}; mend it, or delete it"
        judged = Judged(Fate.waits, Reason("W-REL-156", words))
        write_down(look, found, judged)
        return judged.fate, False
    judged = judge(look, one, found, wanted)
    head = found.head
    if judged.fate is Fate.rebuild:
        found = rebuild(look, found, one, wanted)
    elif judged.fate is Fate.merge:
        merge_pull(look, found, one, wanted)
    write_down(look, found, judged)
    return judged.fate, judged.fate is Fate.merge or found.head != head


def _clear(look: Promoting, found: Asking) -> None:
    """Tidy up after one that has ended: what the forge still has open is closed, and then its branch is removed where
    nothing of it would be lost."""
    row, one = found.row, found.one
    if one is None:
        return
    if one.forge is Forge.open:
        if look.now - row.changed_at >= SETTLES:
            with writing():
                tell_closing(look.context, row.number)
    elif not found.lost or (one.ours and row.fate == Fate.superseded):
        delete(look.context.mirror, HEADS + one.branch, found.head)
        look.refs.pop(HEADS + one.branch, None)


def _forget(context: Context, rows: Sequence[Promotion], look: Promoting | None = None) -> None:
    """Rows of branches that are gone. What was merged is kept while it is wished: reviews of it may count."""
    wish = (
        look.state.files.release.digest if look is not None and look.state.files.release is not None else ""
    )
    gone = [row for row in rows if not (row.fate == Fate.done and row.digest == wish and wish)]
    if not gone:
        return
    with writing():
        Promotion.delete().where(Promotion.id.in_([row.id for row in gone])).execute()
        if look is not None:
            ask(
                context.organization.slug, context.project.slug, "environment", look.environment, now=look.now
            )
