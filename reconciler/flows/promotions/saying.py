"""Writes down what became of a promotion, together with what the forge is told of it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.db.owed import ask
from reconciler.db.promotions import Promotion
from reconciler.db.session import writing
from reconciler.errors import Refused
from reconciler.flows.envbranch import branch_ref
from reconciler.flows.facts import gather_facts
from reconciler.flows.promotions.branches import Asking
from reconciler.flows.promotions.look import Promoting
from reconciler.flows.pulls.outbox import tell_closing, tell_note, tell_proposal
from reconciler.flows.pulls.pull import marker
from reconciler.flows.pulls.reaching import page_of
from reconciler.forge.opening import Proposal as Opening
from reconciler.git.mirror import HEADS
from reconciler.plan.promotion import Reach, promotion_text
from reconciler.release import paths
from reconciler.release.assignment import already_of, only_of
from reconciler.release.planning import make_plan, next_name
from reconciler.release.pull_requests import Fate, Forge, Judged, Proposed
from reconciler.release.state import Reason, Release


def write_down(look: Promoting, found: Asking, judged: Judged) -> None:
    """Write down what became of it together with what the forge is told, and have the environment say so."""
    context, row, one = look.context, found.row, found.one
    fate = Fate.done if judged.fate is Fate.merge else judged.fate
    reason = judged.reason or Reason("", "")
    before = (row.head, row.number, row.fate, row.code, row.message) if row.id is not None else None
    row.head, row.fate, row.code, row.message = found.head, fate, reason.code, reason.message
    if one is not None:
        row.digest, row.number = one.release.digest, one.number
    row.changed_at = look.now
    opening = None
    if one is not None and not one.number and not one.problem and fate is Fate.waits:
        # It counts the nodes, which nobody who wants to write waits for.
        opening = _opening(look, one, row)
    with writing():
        row.save()
        if opening is not None:
            tell_proposal(context, opening)
        if one is not None and one.number:
            tell_note(context, one.number, _note(look, row))
            if fate is Fate.superseded and one.forge is Forge.open:
                tell_closing(context, one.number)
        if before != (row.head, row.number, row.fate, row.code, row.message):
            for kind in ("environment", *(("reviews",) if fate is Fate.done else ())):
                subject = look.environment if kind == "environment" else ""
                ask(context.organization.slug, context.project.slug, kind, subject, now=look.now)


def _opening(look: Promoting, one: Proposed, row: Promotion) -> Opening:
    target = branch_ref(look.context, look.environment).removeprefix(HEADS)
    only = f" for {one.release.only}" if one.release.only else ""
    title = f"Promote {paths.short(one.release.digest)} to {look.environment}{only}"
    text = promotion_text(one.release, look.policy, _reach(look, one.release), page_of(look.context))
    return Opening(one.branch, target, title[:200], text, row.before)


def _reach(look: Promoting, release: Release) -> Reach:
    """The nodes of each batch, as the rollout would be planned now."""
    state = replace(look.state, files=replace(look.state.files, release=release))
    facts = gather_facts(look.context, state, look.policy, look.refs, now=look.now)
    try:
        only = only_of(release, look.policy)
    except Refused:
        # A rule says so of the release; of nodes nothing is known then.
        return Reach(look.ledger.live, ())
    plan = make_plan(
        next_name(look.ledger),
        release.digest,
        look.policy,
        facts.ranks,
        only=only,
        already=already_of(look.ledger, release),
        apart=look.ledger.pins,
        serving=look.ledger.serving,
    )
    return Reach(look.ledger.live, tuple(step.nodes for step in plan.steps))


def _note(look: Promoting, row: Promotion) -> str:
    """What the comment on a pull request says of it now."""
    endings = {
        Fate.done: f"**{look.environment}** asks for it now. What becomes of its rollout:",
        Fate.superseded: "Something newer is proposed in its place, and this is closed. What waits:",
    }
    words = endings.get(Fate(row.fate), f"{row.code} {row.message}\n\nWhat the environment waits for:")
    page = f"{page_of(look.context)}/environments/{look.environment}"
    return f"{marker(look.context, row.number)}\n{words} {page}\n"
