"""The commits of trunk, from git: which of them compiled, and the policies of the last that did.

The head is left to the workers unless its bundle is published: to publish takes keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peewee import fn

from reconciler.bundle.build import BuiltBundle
from reconciler.compile.compiler import Compilation
from reconciler.config.findings import has_errors
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.db.models import Commit, Environment
from reconciler.db.owed import ask
from reconciler.db.session import writing
from reconciler.errors import Stalled
from reconciler.flows.compiling import build_confined, read_project
from reconciler.flows.context import Context
from reconciler.flows.facts import read_policies
from reconciler.flows.rebuild.bundles import record_compiled, stated_commits
from reconciler.git.mirror import CommitInfo
from reconciler.git.url import shown

HISTORY = 200
"""Commits that pages show again; what is older is in git."""

TRIED = 50
"""Commits after the last one that a statement names which are compiled to find the last valid one: they changed a
policy alone, or were refused."""

REASON = "the database was lost: what came of it then is not known"


def bring_trunk(context: Context, say: Callable[[str], None]) -> str:
    """Write the newest commits down to the last valid one, and ask for a look at what comes after it."""
    organization, project = context.organization.slug, context.project.slug
    refs = context.mirror.fetch()
    head = refs.get(f"refs/heads/{context.project.trunk}")
    if head is None:
        raise Stalled(
            "E-TRK-001",
            f"{shown(context.project.repository)} has no branch '{context.project.trunk}'",
            cure="Push it, or correct `trunk` of the project in control-plane.kdl",
        )
    if read_policies(context).commit:
        return "trunk is known"
    history = context.mirror.first_parents(head, limit=HISTORY + TRIED, stop=None)
    stated = stated_commits(context)
    valid = _last_valid(context, history, stated, say)
    policies = () if valid is None else valid[2]
    # All at once: what comes after finds trunk known, and would not ask for the rest again.
    with writing():
        if valid is not None:
            past = history[history.index(valid[0]) :][:HISTORY]
            # Before whatever was seen of trunk since the database was lost.
            first = Commit.select(fn.MIN(Commit.position)).where(*_owner(context)).scalar() or HISTORY + 1
            for position, info in enumerate(reversed(past), start=first - len(past)):
                _write(context, info, position, stated, valid)
        names = _environments(context, refs, [policy.name for policy in policies])
        for kind in ("trunk", "resources", "outlines"):
            ask(organization, project, kind, now=context.now())
        for name in names:
            ask(organization, project, "environment", name, now=context.now())
    if valid is None:
        return "no commit of trunk was published; the workers look at its head"
    return f"trunk is known up to {valid[0].sha[:12]}, the last valid commit; {len(names)} environments are asked for"


Valid = tuple[CommitInfo, str, tuple[EnvironmentPolicy, ...]]


def _last_valid(
    context: Context, history: Sequence[CommitInfo], stated: Mapping[str, str], say: Callable[[str], None]
) -> Valid | None:
    """The newest commit that compiles to a published bundle, with its digest and policies."""
    index = next((n for n, info in enumerate(history) if info.sha in stated), None)
    if index is None:
        return None
    oldest = history[index]
    former = Former(f"the last valid commit {oldest.sha[:12]}", _files(context, oldest))
    for info in (*history[: min(index, TRIED)], oldest):
        say(f"{info.sha[:12]} is compiled")
        found = _compiled(context, info, None if info is oldest else former)
        if found is not None and record_compiled(context, *found):
            return info, found[1].digest, found[0].policies
    raise Stalled(
        "E-BAK-112",
        f"commit {oldest.sha} was published and does not compile any more",
        cure="Rebuild with the version of the control plane that published it",
    )


def _compiled(
    context: Context, info: CommitInfo, former: Former | None
) -> tuple[Compilation, BuiltBundle] | None:
    files, findings = read_project(context.mirror, info.sha, context.project.path, others=True)
    if has_errors(findings):
        return None
    compilation, built, _ = build_confined(
        files, now=context.now(), former=former, cache=context.compile_cache()
    )
    return None if compilation is None or built is None else (compilation, built)


def _files(context: Context, info: CommitInfo) -> tuple[SourceFile, ...]:
    return read_project(context.mirror, info.sha, context.project.path)[0]


def _write(
    context: Context, info: CommitInfo, position: int, stated: Mapping[str, str], valid: Valid
) -> None:
    last = info.sha == valid[0].sha
    digest = valid[1] if last else stated.get(info.sha, "")
    found: dict[str, Any] = {
        "state": "compiled" if digest else "skipped",
        "reason": f"{info.sha[:12]} compiled to bundle {digest[:19]}" if digest else REASON,
        "digest": digest,
        "policies": [policy.to_json() for policy in valid[2]] if last else [],
    }
    Commit.insert(
        organization=context.organization.slug,
        project=context.project.slug,
        sha=info.sha,
        parent=info.parents[0] if info.parents else "",
        position=position,
        author_name=info.author_name,
        author_email=info.author_email,
        authored_at=info.authored_at,
        subject=info.subject,
        seen_at=info.committed_at,
        **found,
    ).on_conflict_ignore().execute()
    if digest:
        Commit.update(**found).where(
            *_owner(context), Commit.sha == info.sha, Commit.state != "compiled"
        ).execute()


def _owner(context: Context) -> tuple[Any, ...]:
    return Commit.organization == context.organization.slug, Commit.project == context.project.slug


def _environments(context: Context, refs: dict[str, str], named: list[str]) -> list[str]:
    """A row for each environment that is on trunk, or has a branch all the same; their names. Call inside `writing`."""
    prefix = f"refs/heads/{context.project.branch_prefix}env/"
    retired = sorted({ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix)} - set(named))
    names = [*named, *retired]
    for position, name in enumerate(names):
        Environment.insert(
            organization=context.organization.slug,
            project=context.project.slug,
            name=name,
            position=position,
            updated_at=context.now(),
        ).on_conflict_ignore().execute()
    return names
