"""Reads the files of an environment branch. What cannot be read is reported and judged, and never obeyed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from reconciler.release import paths
from reconciler.release.ballot import read_ballot, read_proposal
from reconciler.release.document import (
    MalformedError,
    argument,
    child_moment,
    child_number,
    child_selector,
    child_text,
    only,
    read_nodes,
    single,
)
from reconciler.release.ledger import read_plan, read_rollout
from reconciler.release.pins import Pin, read_pin
from reconciler.release.state import (
    BranchFiles,
    Go,
    Hold,
    Malformed,
    Promoted,
    Quarantine,
    Release,
)

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHA_OR_NONE = re.compile(rf"(?:{SHA.pattern})?")
"""A bundle that somebody wished for by its digest alone has no commit."""
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#/-]{0,62}")
"""What a hotfix may be labelled with, such as `INC-123`."""
UNREADABLE_DIGEST = "sha256:"

T = TypeVar("T")


def parse_branch(files: Mapping[str, bytes], unreadable: Mapping[str, str] | None = None) -> BranchFiles:
    """Read the files of a branch by their paths; paths that mean nothing here are left alone. Raises nothing.

    `unreadable` says of paths that are there why nobody could read their bytes, such as a symbolic link.

    A hold that cannot be read holds nevertheless. A quarantine that cannot be read quarantines what its file name
    says, or every digest when the name says nothing: unknown means no. A go that cannot be read lets nothing pass.
    A pin that cannot be read is told by its name alone.
    """
    malformed: list[Malformed] = []
    broken = unreadable or {}

    def attempt(path: str, read: Callable[[bytes, str], T]) -> T | None:
        if path in broken:
            malformed.append(Malformed(path, broken[path]))
            return None
        if path not in files:
            return None
        try:
            return read(files[path], path)
        except MalformedError as error:
            malformed.append(Malformed(path, str(error)))
            return None

    holds, quarantine, goes, pins = [], [], [], []
    for path in sorted({*files, *broken}):
        folder, _, name = path.partition("/")
        if "/" in name or not name.endswith(".kdl"):
            continue
        stem = name.removesuffix(".kdl")
        if folder == paths.HOLDS:
            holds.append(
                attempt(path, read_hold) or Hold(stem, "the file cannot be read, so it holds everything")
            )
        elif folder == paths.QUARANTINE:
            known = stem if paths.QUARANTINE_NAME.fullmatch(stem) else ""
            doubtful = Quarantine(UNREADABLE_DIGEST + known, f"{path} cannot be read")
            quarantine.append(attempt(path, read_quarantine) or doubtful)
        elif folder == paths.GATES:
            go = attempt(path, read_go)
            if go is not None:
                goes.append(go)
        elif folder == paths.PINS:
            pins.append(attempt(path, read_pin) or Pin(stem, ""))
    release = attempt(paths.RELEASE, read_release)
    promoted = attempt(paths.PROMOTED, read_promoted)
    ledger = attempt(paths.ROLLOUT, read_rollout)
    plan = attempt(paths.PLAN, read_plan)
    if ledger is not None:
        fits = plan is not None and ledger.rollout is not None and plan.rollout == ledger.rollout.name
        if ledger.open_rollout is not None and not fits:
            malformed.append(Malformed(paths.PLAN, f"{paths.PLAN} is not the plan of the open rollout"))
        ledger = replace(ledger, plan=plan if fits else None)
    ballots = [
        found
        for path in sorted({*files, *broken})
        if path.startswith(f"{paths.APPROVALS}/") and path.endswith(".kdl")
        if (found := attempt(path, read_ballot)) is not None
    ]
    return BranchFiles(
        release,
        tuple(holds),
        tuple(quarantine),
        promoted,
        ledger,
        ballots=tuple(ballots),
        proposal=attempt(paths.PROPOSAL, read_proposal),
        malformed=tuple(malformed),
        goes=tuple(goes),
        pins=tuple(pins),
    )


def read_release(content: bytes, path: str) -> Release:
    """Raises `MalformedError`."""
    node = single(read_nodes(content, path, {"release"}), "release", path)
    only(node.children, {"commit", "why", "by", "not-before", "only", "hotfix"}, path)
    return Release(
        digest=argument(node, path, paths.DIGEST),
        commit=child_text(node, "commit", path, SHA),
        why=child_text(node, "why", path),
        by=child_text(node, "by", path),
        not_before=child_moment(node, "not-before", path),
        only=child_selector(node, "only", path),
        hotfix=child_text(node, "hotfix", path, LABEL),
    )


def read_hold(content: bytes, path: str) -> Hold:
    """Raises `MalformedError`."""
    node = single(read_nodes(content, path, {"hold"}), "hold", path)
    only(node.children, {"owner", "until"}, path)
    name = path.rpartition("/")[2].removesuffix(".kdl")
    until = child_moment(node, "until", path)
    return Hold(name, argument(node, path), child_text(node, "owner", path), until)


def read_quarantine(content: bytes, path: str) -> Quarantine:
    """Raises `MalformedError`, also when the file's name is not the beginning of the digest."""
    node = single(read_nodes(content, path, {"quarantine"}), "quarantine", path)
    only(node.children, {"why"}, path)
    digest = argument(node, path, paths.DIGEST)
    if path != paths.quarantine_path(digest):
        raise MalformedError(
            f"{path}: the quarantine of this digest belongs in {paths.quarantine_path(digest)}"
        )
    return Quarantine(digest, child_text(node, "why", path))


def read_go(content: bytes, path: str) -> Go:
    """Raises `MalformedError`, also when the file is not named after a rollout and a step."""
    stem = path.rpartition("/")[2].removesuffix(".kdl")
    named = paths.GO_NAME.fullmatch(stem)
    if named is None:
        raise MalformedError(f"{path}: a go is named after its rollout and step, such as gates/r-0042-2.kdl")
    node = single(read_nodes(content, path, {"go"}), "go", path)
    only(node.children, {"sequence", "by", "why"}, path)
    return Go(
        named[1],
        int(named[2]),
        argument(node, path, paths.DIGEST),
        child_number(node, "sequence", path),
        child_text(node, "by", path),
        child_text(node, "why", path),
    )


def read_promoted(content: bytes, path: str) -> Promoted:
    """Raises `MalformedError`."""
    node = single(read_nodes(content, path, {"promoted"}), "promoted", path)
    only(node.children, {"digest"}, path)
    return Promoted(argument(node, path, SHA_OR_NONE), child_text(node, "digest", path, paths.DIGEST))
