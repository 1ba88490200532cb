"""Compiles one commit of trunk because somebody asked for its bundle: one that was skipped, or whose bundle is gone.

It is judged as trunk judges its head, and held to the newest valid commit: what an old commit lacks of rules and
routes since then it would take away. No environment is told; who wants the bundle promotes it.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.config.findings import sort_findings
from reconciler.db import asking
from reconciler.db.changes import Change
from reconciler.db.models import Bundle, Commit
from reconciler.db.session import reading
from reconciler.errors import Stalled
from reconciler.flows import trunk, trunk_rows
from reconciler.flows.asked import make_asked
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome

STEPS: tuple[trunk.Step, ...] = (
    trunk.read,
    trunk.read_former,
    trunk.vouch,
    trunk.build,
    trunk.store_sealed,
    trunk.refuse,
    trunk.store_blob,
    trunk.judge,
    trunk.sign,
    trunk.log_statement,
    trunk.remember,
)


def run(context: Context, subject: str, renew: Callable[[], None]) -> Outcome:
    """Compile the commit that the change of that id names, unless its bundle is there."""
    return make_asked(
        context, subject, lambda row: _told(context, row, _made(context, str(row.body["commit"]), renew))
    )


def _made(context: Context, sha: str, renew: Callable[[], None]) -> bool:
    """Whether something was compiled. Raises `Stalled` E-API-031 for what is no commit of trunk."""
    head = context.mirror.fetch().get(f"refs/heads/{context.project.trunk}", "")
    known = trunk_rows.find(context, sha)
    if known is None or not context.mirror.has_commit(head) or not context.mirror.is_ancestor(sha, head):
        raise Stalled(
            "E-API-031",
            f"{sha[:40]} is no commit of {context.project.trunk} that was seen there",
            cure="Name one of the list of commits, by its whole id",
        )
    if known.state == "refused" or (known.state == "compiled" and _is_there(context, known)):
        return False
    trunk_rows.reopen(context, sha)
    if sha == head:
        trunk.run(context, renew)
        return True
    state = trunk.State(context, renew, head=context.mirror.commit(sha))
    for step in STEPS:
        step(state)
        if state.outcome is not None:
            return True
        renew()
    if state.built is None or state.stored is None or state.compilation is None:
        raise RuntimeError("the steps ran in another order than STEPS")
    trunk_rows.record(
        context,
        context.mirror.commit(sha),
        manifest=state.built.manifest,
        stored=state.stored,
        compilation=state.compilation,
        findings=sort_findings(state.findings),
        judged=state.risks,
        announce=False,
    )
    return True


def _is_there(context: Context, commit: Commit) -> bool:
    with reading():
        return bool(
            Bundle.select()
            .where(
                Bundle.organization == context.organization.slug,
                Bundle.project == context.project.slug,
                Bundle.digest == commit.digest,
                Bundle.removed_at.is_null(),
            )
            .exists()
        )


def _told(context: Context, row: Change, made: bool) -> Outcome:
    """End the change with what is known of the commit now."""
    commit = trunk_rows.find(context, str(row.body["commit"]))
    if commit is not None and commit.state == "compiled":
        state, code, result = ("committed" if made else "unchanged"), "", {"digest": commit.digest}
    elif commit is not None and commit.state == "refused":
        state, code, result = "refused", "E-API-020", {"findings": commit.findings}
    else:
        state, code, result = "refused", "E-API-031", {}
    message = str(commit.reason) if commit is not None else "the commit is gone"
    sha = str(commit.sha) if commit is not None and state != "refused" else ""
    asking.finish(row, state, now=context.now(), commit=sha, code=code, message=message, result=result)
    return Outcome("changed" if made else "unchanged", message)
