"""What a push to trunk becomes: findings, or a signed bundle in the object store and owed work for each environment.

Every effect is put-if-absent or a unique row, so a run may die anywhere and the next one goes on; two at once end with
one bundle. The head alone is compiled; other commits of the same push are recorded as skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler.bundle.build import BuiltBundle
from reconciler.compile.compiler import Compilation
from reconciler.config.findings import Finding, has_errors, sort_findings
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.errors import Stalled
from reconciler.flows import publishing, resigning, risks, sealed_values, trunk_rows, vouching
from reconciler.flows.branches import branches
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.compiling import Ahead, build_confined, read_project
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.planning import in_repository
from reconciler.flows.pulls import feedback
from reconciler.flows.statements import StoredBundle
from reconciler.git.mirror import CommitInfo
from reconciler.git.url import shown

T = TypeVar("T")


@dataclass(slots=True)
class State:
    """What the steps hand on. A step that sets `outcome` ends the run."""

    context: Context
    renew: Callable[[], None] = lambda: None
    head: CommitInfo | None = None
    files: tuple[SourceFile, ...] = ()
    seen: dict[str, bytes] = field(default_factory=dict)
    """Contents by blob id, as they were read."""
    former: Former | None = None
    findings: tuple[Finding, ...] = ()
    cache: CompileCache | None = None
    ahead: Ahead | None = None
    compilation: Compilation | None = None
    built: BuiltBundle | None = None
    stored: StoredBundle | None = None
    risks: list[risks.Judged] = field(default_factory=list)
    outcome: Outcome | None = None


Step = Callable[[State], None]


def resign(state: State) -> None:
    """After a new root: sign again what a replaced bundle key vouches for. The forge is not needed for it."""
    if resigning.resign(state.context, state.renew):
        _end_with_a_key(state)


def fetch(state: State) -> None:
    """Bring the mirror up to date and find the head of trunk. While the forge is asked, a child recalls the last valid
    commit."""
    context = state.context
    sha = branches(context, lambda: _go_ahead(state)).get(f"refs/heads/{context.project.trunk}")
    if sha is None:
        raise Stalled(
            "E-TRK-001",
            f"{shown(context.project.repository)} has no branch '{context.project.trunk}'",
            cure="Push it, or correct `trunk` of the project in control-plane.kdl",
        )
    state.head = context.mirror.commit(sha)


def rebuild_revoked(state: State) -> None:
    """Compile again what only a revoked bundle key vouches for."""
    if resigning.rebuild_revoked(state.context, state.renew, lambda: _stay_back(state)):
        _end_with_a_key(state)


def locate(state: State) -> None:
    """Record the commits since the last known head; end here when this head is dealt with already."""
    known = trunk_rows.locate(state.context, _head(state))
    if known is None:
        return
    # An environment that runs something else since has asked for this look.
    judged = risks.judge_missing(state.context)
    because = f"; {judged} risks are judged anew" if judged else ""
    state.outcome = Outcome("changed" if judged else "unchanged", known + because)


def read(state: State) -> None:
    """Read the project's files from the head's tree: KDL, what KDL may name, and the others, to search them for keys.
    What we do not accept in a tree is a finding."""
    context = state.context
    state.files, state.findings = read_project(
        context.mirror, _head(state).sha, context.project.path, others=True, seen=state.seen
    )


def read_former(state: State) -> None:
    """Read the last valid commit, which the head is held to, and what the commits since say of deletions."""
    if has_errors(state.findings):
        return
    context, head = state.context, _head(state)
    valid = trunk_rows.last_valid(context, head)
    if valid is None:
        return
    name = f"the last valid commit {valid[:12]}"
    if not context.mirror.has_commit(valid):
        state.former = Former(name, None)
        return
    since = context.mirror.since(valid, head.sha, limit=trunk_rows.LONGEST_PUSH)
    trailers = tuple(info.trailers for info in since)
    files, _ = read_project(context.mirror, valid, context.project.path, seen=state.seen)
    state.former = Former(name, files, trailers)


def vouch(state: State) -> None:
    """Where a signed trunk is asked for, hold each new commit to it. What nobody known has signed is not parsed."""
    context, head = state.context, _head(state)
    if context.project.signed_trunk:
        valid = trunk_rows.last_valid(context, head)
        state.findings = (*state.findings, *vouching.unverified(context, valid, head.sha))


def build(state: State) -> None:
    """Parse and compile in a confined child, which is gone afterwards, and make the bundle, unless the tree itself was
    not acceptable."""
    if has_errors(state.findings):
        return
    context = state.context
    state.cache = state.cache or context.compile_cache()
    state.compilation, state.built, findings = build_confined(
        state.files, now=context.now(), former=state.former, cache=state.cache, ahead=state.ahead
    )
    state.findings = tuple(in_repository(finding, context.project.path) for finding in findings)


def store_sealed(state: State) -> None:
    """Put what the commit has sealed into the store. A version that has another value now is a finding."""
    if state.built is None:
        return
    findings = sealed_values.store_sealed(state.context, _made(state.compilation).sealed)
    if findings:
        state.built = None
        state.findings += tuple(in_repository(f, state.context.project.path) for f in findings)


def refuse(state: State) -> None:
    """End here, with the findings on the commit, when there is no bundle. No environment changes."""
    if state.built is None:
        because = trunk_rows.refuse(state.context, _head(state), sort_findings(state.findings))
        feedback.ask_for(state.context)
        state.outcome = Outcome("changed", because)


def store_blob(state: State) -> None:
    """Put the bundle under its digest, if it is not there."""
    state.stored = publishing.store_blob(state.context, _made(state.built))


def judge(state: State) -> None:
    """Say how dangerous the bundle is to each environment, against what it runs. Before any key is loaded."""
    state.risks = risks.judge(state.context, _made(state.built), _made(state.compilation))


def sign(state: State) -> None:
    """Sign the statement and put it beside the bundle, if none is there. Keys are loaded here and not before."""
    state.stored = publishing.sign(state.context, _made(state.stored), _head(state))


def log_statement(state: State) -> None:
    """Enter the statement into the organization's log, if it is not there."""
    publishing.log_statement(state.context, _made(state.stored).digest)


def remember(state: State) -> None:
    """Write down what was found out about single files, for the next commit."""
    _made(state.cache).write()


def record(state: State) -> None:
    """Write bundle, commit, environments, events and owed work in one transaction."""
    state.outcome = trunk_rows.record(
        state.context,
        _head(state),
        manifest=_made(state.built).manifest,
        stored=_made(state.stored),
        compilation=_made(state.compilation),
        findings=sort_findings(state.findings),
        judged=state.risks,
    )
    feedback.ask_for(state.context)


STEPS: tuple[Step, ...] = (
    resign,
    fetch,
    rebuild_revoked,
    locate,
    read,
    read_former,
    vouch,
    build,
    store_sealed,
    refuse,
    store_blob,
    judge,
    sign,
    log_statement,
    remember,
    record,
)


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Bring what is known of trunk up to its head. `renew` is called between steps.

    Raises `Stalled`, `Transient`, `Refused` or `LostRace` as its steps do; the next run goes on where this one ended.
    """
    state = State(context, renew)
    try:
        for step in STEPS:
            step(state)
            if state.outcome is not None:
                return state.outcome
            renew()
    finally:
        _stay_back(state)
    raise RuntimeError("the last step sets the outcome")


def _go_ahead(state: State) -> None:
    context = state.context
    valid = trunk_rows.last_valid(context)
    if valid is None or not context.mirror.has_commit(valid) or not context.settings.compile_cache_bytes:
        return
    files, _ = read_project(context.mirror, valid, context.project.path, seen=state.seen)
    state.cache = context.compile_cache()
    state.ahead = Ahead(files, state.cache, context.now())


def _stay_back(state: State) -> None:
    """Let the child go that is ahead, if there is one."""
    if state.ahead is not None:
        state.ahead.end()
        state.ahead = None


def _end_with_a_key(state: State) -> None:
    """What parses never holds a key, and a child would inherit what is in this process: the next run goes on."""
    state.outcome = Outcome(
        "changed", "statements were signed again under a new root; the next run goes on", state.context.now()
    )


def _head(state: State) -> CommitInfo:
    return _made(state.head)


def _made(value: T | None) -> T:
    """What an earlier step made."""
    if value is None:
        raise RuntimeError("the steps ran in another order than STEPS")
    return value
