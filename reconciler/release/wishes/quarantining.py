"""Wishes that forbid a bundle in an environment, and allow it again."""

from __future__ import annotations

from reconciler.release.paths import quarantine_path, short
from reconciler.release.render import render_quarantine
from reconciler.release.state import BranchFiles, Quarantine
from reconciler.release.wishes.wish import Already, Wish


def forbid_wish(environment: str, files: BranchFiles, digest: str, why: str, actor: str) -> Wish | Already:
    """Forbid a bundle, unless it is forbidden. A rollout of it goes back; where it is live, nodes keep running it."""
    if _forbidden(files, digest):
        return Already(f"{environment}: {short(digest)} is forbidden already")
    ledger = files.ledger
    said = f"{environment}: it will not be rolled out"
    if ledger is not None and ledger.live == digest:
        said = f"{environment}: it is live there and keeps running; promote another bundle"
    elif ledger is not None and ledger.open_rollout is not None and ledger.open_rollout.digest == digest:
        said = f"{environment}: its open rollout goes back"
    return Wish(
        {quarantine_path(digest): render_quarantine(Quarantine(digest, why))},
        f"Revoke {short(digest)} in {environment}",
        why,
        _trailers(digest, why, actor),
        said,
    )


def allow_wish(environment: str, files: BranchFiles, digest: str, why: str, actor: str) -> Wish | Already:
    """Allow a bundle again, unless nothing forbids it."""
    if not _forbidden(files, digest):
        return Already(f"{environment}: {short(digest)} is not forbidden")
    return Wish(
        {quarantine_path(digest): None},
        f"Allow {short(digest)} in {environment} again",
        why,
        _trailers(digest, why, actor),
        f"{environment}: it may be promoted",
    )


def _forbidden(files: BranchFiles, digest: str) -> bool:
    return any(found.covers(digest) for found in files.quarantine)


def _trailers(digest: str, why: str, actor: str) -> tuple[tuple[str, str], ...]:
    return (("Bundle", digest), ("Because", why), ("Actor", actor))
