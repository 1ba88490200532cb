"""What the trunk flow writes into the database: commits, bundles, environments, events and owed work.

Each function is one transaction and finds out inside it whether it still has anything to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from reconciler.bundle.manifest import Manifest, environment_json
from reconciler.compile.compiler import Compilation
from reconciler.config.findings import Finding
from reconciler.config.policy import EnvironmentPolicy
from reconciler.db import owed
from reconciler.db.audit import record_commit
from reconciler.db.models import Bundle, Commit, Environment, Event
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.publishing import author_of
from reconciler.flows.risks import Judged
from reconciler.flows.risks import record as record_risks
from reconciler.flows.statements import StoredBundle
from reconciler.git.mirror import CommitInfo

FIRST_LOOK = 20
"""Commits recorded when a project is seen first: enough for a page, whatever the length of its history."""
LONGEST_PUSH = 200
"""Commits recorded of one push; older ones of a longer push are left out."""
MOST_FINDINGS = 1000
MOST_FILES = 500
"""Of a bundle, in its row; the bundle's bill of materials has all."""


def locate(context: Context, head: CommitInfo) -> str | None:
    """Record the commits since the last known head, oldest first, the head as `found` and the others as `skipped`.

    Answers why there is nothing to do, or None when the head waits to be compiled. Positions only rise: a head that
    was known before, because trunk was set back to it, gets a new one. Raises `LostRace` (E-TRK-008) when trunk
    moved on.
    """
    with reading():
        last = _last(context)
    if last is not None and last.sha == head.sha and last.state in ("compiled", "refused"):
        return f"{head.sha[:12]} was {last.state} before"
    history = context.mirror.first_parents(
        head.sha,
        limit=FIRST_LOOK if last is None else LONGEST_PUSH,
        stop=None if last is None else last.sha,
    )
    rewritten = last is not None and not context.mirror.is_ancestor(last.sha, head.sha)
    if rewritten and context.mirror.fetch().get(f"refs/heads/{context.project.trunk}") != head.sha:
        # Another run knows a newer head than this one fetched: an old look is no rewriting.
        raise LostRace("E-TRK-008", f"{context.project.trunk} moved on while {head.sha[:12]} was looked at")
    with writing():
        # Somebody may have written between our look and this transaction, in which everything is looked up again.
        last = _last(context)
        if last is not None and last.sha == head.sha:
            return _waiting(last, head)
        if rewritten and last is not None:
            words = f"{context.project.trunk} was rewritten: {last.sha[:12]} is no longer in its history"
            _event(context, "trunk.rewritten", head.sha, words, {"from": last.sha, "to": head.sha})
        return _record_found(context, head, _new(context, history), 0 if last is None else last.position)


def last_valid(context: Context, head: CommitInfo | None = None) -> str | None:
    """The newest commit that compiled, the head itself aside; None when there is none."""
    with reading():
        row = (
            Commit.select()
            .where(
                Commit.organization == context.organization.slug,
                Commit.project == context.project.slug,
                Commit.state == "compiled",
                Commit.sha != (head.sha if head is not None else ""),
            )
            .order_by(Commit.position.desc())
            .first()
        )
    return row.sha if row is not None else None


def find(context: Context, sha: str) -> Commit | None:
    """The row of a commit, or None when trunk never had it while somebody looked."""
    with reading():
        found: Commit | None = Commit.get_or_none(*_is(context, sha))
    return found


def reopen(context: Context, sha: str) -> None:
    """Let a commit be compiled that was skipped, or whose bundle is gone. Its position stays, so that the newest valid
    commit is the one that it was, and its digest, so that its policies hold until they are read again."""
    with writing():
        Commit.update(state="found", reason="").where(
            *_is(context, sha), Commit.state.in_(("skipped", "compiled"))
        ).execute()


def refuse(context: Context, head: CommitInfo, findings: Sequence[Finding]) -> str:
    """Write the findings on the commit, unless somebody dealt with it meanwhile. Answers why, for people."""
    errors = sum(finding.is_error for finding in findings)
    because = f"{head.sha[:12]} is refused with {errors} {'error' if errors == 1 else 'errors'}"
    with writing():
        row = _row(context, head.sha)
        if row.state != "found":
            return f"{head.sha[:12]} was {row.state} by another run"
        row.state, row.reason, row.digest = "refused", because, ""
        row.findings = _findings(findings)
        row.save()
        first = str(findings[0]) if findings else ""
        _event(context, "commit.refused", head.sha, because, {"errors": errors, "first": first})
    return because


def record(
    context: Context,
    head: CommitInfo,
    *,
    manifest: Manifest,
    stored: StoredBundle,
    compilation: Compilation,
    findings: Sequence[Finding],
    judged: Sequence[Judged] = (),
    announce: bool = True,
) -> Outcome:
    """Write what the head compiled to and how dangerous it is, and ask for a look at each of its environments. Without
    `announce` it is not the head, and nobody is asked to look."""
    with writing():
        row = _row(context, head.sha)
        if row.state != "found":
            return Outcome("unchanged", f"{head.sha[:12]} was {row.state} by another run")
        new = _record_bundle(context, head, manifest, stored, compilation)
        because = f"{head.sha[:12]} compiled to {'new' if new else 'known'} bundle {stored.digest[:19]}"
        row.state, row.reason, row.digest = "compiled", because, stored.digest
        row.findings = _findings(findings)
        row.policies = [policy.to_json() for policy in compilation.policies]
        row.save()
        record_risks(context, judged)
        _event(context, "commit.compiled", head.sha, because, {"digest": stored.digest, "new": new})
        if announce:
            _announce(context, compilation.policies)
            for kind in ("resources", "outlines"):
                owed.ask(context.organization.slug, context.project.slug, kind, now=context.now())
    return Outcome("changed", because)


def _announce(context: Context, policies: Sequence[EnvironmentPolicy]) -> None:
    """A row for each environment, in promotion order, and owed work. Environments that went away keep their row."""
    now = context.now()
    for position, policy in enumerate(policies):
        Environment.insert(
            **_owner(context), name=policy.name, position=position, updated_at=now
        ).on_conflict(
            conflict_target=[Environment.organization, Environment.project, Environment.name],
            update={Environment.position: position},
        ).execute()
        owed.ask(
            context.organization.slug, context.project.slug, "environment", policy.name, now=now, known=True
        )


def _record_bundle(
    context: Context,
    head: CommitInfo,
    manifest: Manifest,
    stored: StoredBundle,
    compilation: Compilation,
) -> bool:
    """Whether the bundle was not known. The row keeps the first commit, which is the one its statement names."""
    known = Bundle.select().where(
        Bundle.organization == context.organization.slug,
        Bundle.project == context.project.slug,
        Bundle.digest == stored.digest,
    )
    if known.exists():
        return False
    Bundle.insert(
        **_owner(context),
        digest=stored.digest,
        length=stored.length,
        blob_sha256=stored.blob_sha256,
        blob_length=stored.blob_length,
        commit=stored.commit,
        root_version=stored.root_version,
        compiler=manifest.compiler,
        created_at=context.now(),
        certificates={e.name: [one.to_json() for one in e.certificates] for e in compilation.environments},
        environments={name: environment_json(e) for name, e in manifest.environments.items()},
        files={path: [f.size, f.sha256] for path, f in islice(sorted(manifest.files.items()), MOST_FILES)},
        # A statement that was there before names another commit, of which this run knows nothing more.
        **({"tree": head.tree, "author": author_of(head)} if stored.commit == head.sha else {}),
    ).on_conflict_ignore().execute()
    words = f"bundle {stored.digest[:19]} is published, first made by {stored.commit[:12]}"
    _event(context, "bundle.published", stored.digest, words, {"commit": stored.commit})
    return True


def _record_found(context: Context, head: CommitInfo, new: Sequence[CommitInfo], position: int) -> str | None:
    _skip_unfinished(context, head)
    for info in reversed(new):
        position += 1
        _create(context, info, position, head)
    if any(info.sha == head.sha for info in new):
        return None
    row = _row(context, head.sha)
    row.position = position + 1
    # Trunk is back at a commit that was dealt with. What it is held to is another commit now, so it is judged again.
    row.state, row.reason, row.digest = "found", "", ""
    row.save()
    return None


def _create(context: Context, info: CommitInfo, position: int, head: CommitInfo) -> None:
    is_head = info.sha == head.sha
    reason = "" if is_head else f"not the head of its push: {head.sha[:12]} is compiled instead"
    Commit.insert(
        **_owner(context),
        sha=info.sha,
        parent=info.parents[0] if info.parents else "",
        position=position,
        author_name=info.author_name,
        author_email=info.author_email,
        authored_at=info.authored_at,
        subject=info.subject,
        seen_at=context.now(),
        state="found" if is_head else "skipped",
        reason=reason,
    ).on_conflict_ignore().execute()
    record_commit(
        **_owner(context),
        branch=context.project.trunk,
        sha=info.sha,
        author=f"{info.author_name} <{info.author_email}>",
        subject=info.subject,
        trailers={},
        at=info.committed_at,
    )
    _event(
        context,
        "commit.found" if is_head else "commit.skipped",
        info.sha,
        info.subject,
        {"position": position},
    )


def _skip_unfinished(context: Context, head: CommitInfo) -> None:
    """A head that was found and never dealt with, since a newer one came, is skipped like any other."""
    Commit.update(state="skipped", reason=f"{head.sha[:12]} came before it was compiled").where(
        Commit.organization == context.organization.slug,
        Commit.project == context.project.slug,
        Commit.state == "found",
        Commit.sha != head.sha,
    ).execute()


def _new(context: Context, history: Iterable[CommitInfo]) -> list[CommitInfo]:
    """The commits of `history` (newest first) down to the first that is known."""
    new: list[CommitInfo] = []
    for info in history:
        if Commit.select().where(*_is(context, info.sha)).exists():
            break
        new.append(info)
    return new


def _waiting(row: Commit, head: CommitInfo) -> str | None:
    return None if row.state == "found" else f"{head.sha[:12]} was {row.state} before"


def _last(context: Context) -> Commit | None:
    """The newest commit that is known: the head that was looked at last."""
    found: Commit | None = (
        Commit.select()
        .where(Commit.organization == context.organization.slug, Commit.project == context.project.slug)
        .order_by(Commit.position.desc())
        .first()
    )
    return found


def _row(context: Context, sha: str) -> Commit:
    row: Commit = Commit.get(*_is(context, sha))
    return row


def _is(context: Context, sha: str) -> tuple[object, ...]:
    return (
        Commit.organization == context.organization.slug,
        Commit.project == context.project.slug,
        Commit.sha == sha,
    )


def _owner(context: Context) -> dict[str, str]:
    return {"organization": context.organization.slug, "project": context.project.slug}


def _findings(findings: Sequence[Finding]) -> list[object]:
    return [finding.to_json() for finding in findings[:MOST_FINDINGS]]


def _event(context: Context, kind: str, subject: str, message: str, details: dict[str, object]) -> None:
    Event.create(
        **_owner(context), kind=kind, subject=subject, message=message, details=details, at=context.now()
    )
