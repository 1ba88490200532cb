"""Changes a resource for somebody who asked over the JSON interface: one commit, by them, on trunk or on a branch that
proposes it.

The tree that the commit would make is judged as trunk will judge it, before anything is pushed. A push that comes too
late reads again; what others changed meanwhile stays, and when they changed the same resource both sides are told.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reconciler.config.edits import Edit, Edited, Standing, blob_id
from reconciler.config.findings import Finding, has_errors, sort_findings
from reconciler.config.rules.deletions import TRAILER as ALLOWED
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.db import asking, resources
from reconciler.db.changes import Change
from reconciler.db.owed import ask
from reconciler.db.session import writing
from reconciler.errors import LostRace, Stalled
from reconciler.flows import trunk_rows
from reconciler.flows.asked import make_asked
from reconciler.flows.compiling import build_confined, read_project
from reconciler.flows.context import Context
from reconciler.flows.envcommit import US, worded
from reconciler.flows.outcome import Outcome
from reconciler.flows.planning import in_repository
from reconciler.flows.pulls.outbox import tell_proposal
from reconciler.flows.resources.confined import edit_confined
from reconciler.flows.resources.projecting import in_folder, rows
from reconciler.flows.sealed_values import check_sealed
from reconciler.forge.opening import Proposal
from reconciler.git.identity import Identity
from reconciler.git.mirror import HEADS
from reconciler.git.writing import commit_edit, push

TRAILER = "Change"
ATTEMPTS = 8
SEARCHED = 5_000
"""Commits in which the change is looked for that a dead worker may have pushed."""

MOST_FINDINGS = 100

FILES = "files.propose"
VERBS = {"resource.create": "Add", "resource.put": "Set", "resource.delete": "Remove"}


class Ended(Exception):
    """A change that makes no commit, and what there is to tell of it."""

    def __init__(self, state: str, code: str, message: str, result: dict[str, Any]) -> None:
        super().__init__(message)
        self.state, self.code, self.message, self.result = state, code, message, result


def run(context: Context, subject: str, renew: Callable[[], None]) -> Outcome:
    """Make the change of that id, unless it was made. A change that cannot be made says why, and is not tried again."""
    return make_asked(context, subject, lambda row: _ended(context, row, renew))


def _ended(context: Context, row: Change, renew: Callable[[], None]) -> Outcome:
    try:
        return _make(context, row, renew)
    except Ended as end:
        asking.finish(
            row, end.state, now=context.now(), code=end.code, message=end.message, result=end.result
        )
        return Outcome("unchanged", f"the change {row.id} is {end.state}: {end.message}")


def _make(context: Context, row: Change, renew: Callable[[], None]) -> Outcome:
    if context.project.signed_trunk and not row.body.get("propose"):
        raise Stalled(
            "E-API-030",
            f"trunk of '{context.project.slug}' takes commits that somebody known has signed, and this one is not",
            cure="Send it with propose=1 and have somebody known sign the branch, or push it as a signed commit",
        )
    if row.operation == FILES:
        return _propose(context, row, renew)
    edit = edit_of(row)
    trunk = f"{HEADS}{context.project.trunk}"
    ref = f"{HEADS}{proposal_branch(context, row)}" if row.body.get("propose") else trunk
    first: str | None = None
    for attempt in range(ATTEMPTS):
        refs = context.mirror.fetch()
        renew()
        head = refs.get(trunk)
        if head is None:
            raise Stalled("E-TRK-001", f"the repository has no branch '{context.project.trunk}'")
        made = made_before(context, refs.get(ref), asking.tried(row))
        if made is not None:
            return _done(context, row, made, None, ref)
        files, findings = read_project(context.mirror, head, context.project.path, others=True)
        if has_errors(findings):
            raise _with_findings(findings)
        edited = edit_confined(files, edit, context.compile_cache())
        seen = edited.before.etag if edited.before is not None else ""
        if attempt and first is not None and seen != first:
            raise _both_sides(edit, edited)
        first = seen
        _check(edit, edited)
        found = _judged(context, files, edited, head, row)
        renew()
        edits = {in_folder(context, edited.path): edited.content}
        sha = commit_edit(
            context.mirror,
            head,
            edits,
            message=message_of(row, edit),
            author=Identity(str(row.author_name), str(row.author_email)),
            committer=US,
            when=context.now(),
            key=None,
        )
        asking.trying(row, sha)
        try:
            push(context.mirror, ref, sha, head if ref == trunk else None)
        except LostRace:
            continue
        return _done(context, row, sha, edited, ref, found)
    raise LostRace("E-GIT-206", f"trunk moved {ATTEMPTS} times during {row.id}")


def _propose(context: Context, row: Change, renew: Callable[[], None]) -> Outcome:
    """Whole files as a branch that proposes them. Nothing can come between: the branch is the change's own."""
    ref = f"{HEADS}{proposal_branch(context, row)}"
    refs = context.mirror.fetch()
    made = made_before(context, refs.get(ref), asking.tried(row))
    if made is not None:
        return _done(context, row, made, None, ref)
    head = refs.get(f"{HEADS}{context.project.trunk}")
    if head is None:
        raise Stalled("E-TRK-001", f"the repository has no branch '{context.project.trunk}'")
    files, findings = read_project(context.mirror, head, context.project.path, others=True)
    if has_errors(findings):
        raise _with_findings(findings)
    contents = json.loads(str(row.content))
    edits = {path: None if text is None else text.encode() for path, text in contents.items()}
    there = {file.path: file.content for file in files}
    if all(there.get(path) == content for path, content in edits.items()):
        raise Ended("unchanged", "", "trunk has these files already", {})
    found = judged(context, files, edits, head, trailers=())
    renew()
    why = row.body.get("why", "")
    count = f"{len(edits)} {'file' if len(edits) == 1 else 'files'}"
    sha = commit_edit(
        context.mirror,
        head,
        {in_folder(context, path): content for path, content in edits.items()},
        message=worded(
            f"Propose {count}: {why}" if why else f"Propose {count}",
            [(TRAILER, str(row.id)), ("Actor", f"{row.author_name} <{row.author_email}>")],
        ),
        author=Identity(str(row.author_name), str(row.author_email)),
        committer=US,
        when=context.now(),
        key=None,
    )
    asking.trying(row, sha)
    push(context.mirror, ref, sha, None)
    return _done(context, row, sha, None, ref, found)


def edit_of(row: Change) -> Edit:
    """What a change asks for."""
    body = row.body
    return Edit(
        body["kind"],
        body["name"],
        json.loads(str(row.content)) if row.operation != "resource.delete" else None,
        create=row.operation == "resource.create",
        match=body.get("match", ""),
        path=body.get("path", ""),
    )


def message_of(row: Change, edit: Edit) -> str:
    """The message of the commit: what was done, why, and trailers."""
    verb = VERBS[str(row.operation)]
    why = row.body.get("why", "")
    trailers = [
        (TRAILER, str(row.id)),
        ("Resource", f"{edit.kind} {edit.name}"),
        (ALLOWED, str(row.body.get("allow_deletions", ""))),
        ("Actor", f"{row.author_name} <{row.author_email}>"),
    ]
    subject = f"{verb} {edit.kind} '{edit.name}'"
    return worded(f"{subject}: {why}" if why else subject, trailers)


def proposal_branch(context: Context, row: Change) -> str:
    """The branch that proposes a change."""
    return f"{context.project.branch_prefix}change/{row.id}"


def made_before(context: Context, head: str | None, tried: frozenset[str]) -> str | None:
    """The commit of a change on a branch, when it was pushed already, of those that were about to be."""
    if head is None or not tried:
        return None
    commits = context.mirror.first_parents(head, limit=SEARCHED, stop=None)
    return next((commit.sha for commit in commits if commit.sha in tried), None)


def _check(edit: Edit, edited: Edited) -> None:
    """Raise `Ended` for an edit that makes no commit."""
    what = f"the {edit.kind} '{edit.name}'"
    current = {"theirs": side(edited.before)}
    if edited.status == "unchanged":
        raise Ended("unchanged", "", f"{what} is so already", _told(edited.before))
    if edited.status == "absent":
        raise Ended("refused", "E-API-024", f"there is no {edit.kind} '{edit.name}' on trunk", {})
    if edited.status == "exists":
        raise Ended("refused", "E-API-023", f"{what} exists already: change it with PUT", current)
    if edited.status == "stale":
        words = "is not as your If-Match says" if edited.before is not None else "does not exist any more"
        raise Ended("refused", "E-API-021", f"{what} {words}: read it again", current)
    if edited.status == "unusable":
        raise _with_findings(edited.findings)


def _judged(
    context: Context, files: tuple[SourceFile, ...], edited: Edited, head: str, row: Change
) -> tuple[Finding, ...]:
    """The findings about the tree that the commit would make. Raises `Ended` when there is an error among them."""
    return judged(
        context,
        files,
        {edited.path: edited.content},
        head,
        trailers=((ALLOWED, str(row.body["allow_deletions"])),) if "allow_deletions" in row.body else (),
    )


def judged(
    context: Context,
    files: tuple[SourceFile, ...],
    edits: dict[str, bytes | None],
    head: str,
    *,
    trailers: tuple[tuple[str, str], ...],
) -> tuple[Finding, ...]:
    """The findings about a tree with edits, held to the last valid commit as trunk will hold it. Raises `Ended`."""
    after = [file for file in files if file.path not in edits]
    after += [SourceFile(path, content) for path, content in edits.items() if content is not None]
    cache = context.compile_cache()
    former = former_of(context, head, trailers)
    compilation, _, findings = build_confined(after, now=context.now(), former=former, cache=cache)
    cache.write()
    if compilation is not None:
        findings = (*findings, *check_sealed(context, compilation.sealed))
    findings = sort_findings(in_repository(finding, context.project.path) for finding in findings)
    if has_errors(findings):
        raise _with_findings(findings)
    return findings


def former_of(context: Context, head: str, trailers: tuple[tuple[str, str], ...]) -> Former | None:
    """What the new commit will be compared with."""
    mirror = context.mirror
    valid = trunk_rows.last_valid(context)
    if valid is None:
        return None
    name = f"the last valid commit {valid[:12]}"
    if not mirror.has_commit(valid):
        return Former(name, None)
    since = mirror.since(valid, head, limit=trunk_rows.LONGEST_PUSH) if valid != head else []
    files, _ = read_project(mirror, valid, context.project.path)
    return Former(name, files, (*(info.trailers for info in since), trailers))


def _with_findings(findings: tuple[Finding, ...]) -> Ended:
    errors = sum(finding.is_error for finding in findings)
    first = next((str(finding) for finding in findings if finding.is_error), "")
    more = f", and {errors - 1} more" if errors > 1 else ""
    listed = [finding.to_json() for finding in findings[:MOST_FINDINGS]]
    return Ended("refused", "E-API-020", f"trunk would be refused: {first}{more}", {"findings": listed})


def _both_sides(edit: Edit, edited: Edited) -> Ended:
    what = f"the {edit.kind} '{edit.name}'"
    return Ended(
        "refused",
        "E-API-022",
        f"somebody else changed {what} at the same time: nothing of theirs was overwritten",
        {"yours": side(edited.after), "theirs": side(edited.before)},
    )


def side(standing: Standing | None) -> dict[str, Any] | None:
    """A resource as one side of a conflict; None where there is none."""
    return None if standing is None else asdict(standing)


def _told(standing: Standing | None) -> dict[str, Any]:
    return {} if standing is None else {"etag": standing.etag, "path": standing.path}


def _done(
    context: Context,
    row: Change,
    sha: str,
    edited: Edited | None,
    ref: str,
    findings: tuple[Finding, ...] = (),
) -> Outcome:
    """Write down the commit, and with it what trunk has now, so that who wrote it reads it."""
    owner = (context.organization.slug, context.project.slug)
    result = _told(edited.after) if edited is not None else {}
    if findings:
        result["findings"] = [finding.to_json() for finding in findings[:MOST_FINDINGS]]
    branch = ref.removeprefix(HEADS)
    proposed = branch != context.project.trunk
    message = f"it is on the branch {branch}"
    with writing():
        if edited is not None and not proposed:
            blobs = {edited.path: blob_id(edited.content or b"")}
            resources.keep(*owner, sha, rows(context, edited.others, blobs))
            if edited.after is None and edited.before is not None:
                resources.forget(*owner, edited.before.kind, edited.before.name)
        if proposed and context.project.signed_trunk:
            message += ", which somebody whose key trunk knows has to sign before it is merged"
        if proposed and tell_proposal(context, _proposal(context, row, sha, branch)):
            message += ", and a pull request is opened for it"
        asking.finish(
            row,
            "committed",
            now=context.now(),
            commit=sha,
            message=message,
            result={**result, "branch": branch},
        )
        if not proposed:
            ask(*owner, "trunk", now=context.now())
    return Outcome("changed", f"{row.operation} is {sha[:12]} on {branch}")


def _proposal(context: Context, row: Change, sha: str, branch: str) -> Proposal:
    """The pull request of a proposal, in the words of its commit."""
    commit = context.mirror.commit(sha)
    who = f"Proposed by {row.author_name} <{row.author_email}> over the interface of the control plane."
    trailers = "\n".join(f"{name}: {value}" for name, value in commit.trailers)
    return Proposal(branch, context.project.trunk, commit.subject, f"{who}\n\n{trailers}")
