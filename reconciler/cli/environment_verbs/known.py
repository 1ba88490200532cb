"""What git knows of bundles: which digests environments asked for or completed, and what trunk says comes after what.

Trunk is only searched for `environment` nodes and not validated: this is a suggestion to a person, and the control
plane judges the promotion by the last valid commit anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.wish import BranchState, read_environment
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.errors import Stalled
from reconciler.git.mirror import HEADS, Mirror
from reconciler.git.reading import read_tree
from reconciler.git.url import shown
from reconciler.release.branch import parse_branch
from reconciler.release.paths import DIGEST
from reconciler.release.wishes.releasing import Chosen

PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{6,63})")


def named(mirror: Mirror, caller: Caller, text: str) -> Chosen:
    """The bundle that `--digest` names: a whole digest, or the beginning of one that an environment knows."""
    commits = _digests(mirror, caller)
    if DIGEST.fullmatch(text):
        return Chosen(text, commits.get(text, ""), "named by --digest")
    match = PREFIX.fullmatch(text)
    found = sorted(d for d in commits if match is not None and d.removeprefix("sha256:").startswith(match[1]))
    if len(found) != 1:
        what = (
            "begins no bundle that an environment here knows" if not found else f"begins {len(found)} bundles"
        )
        raise Stalled(
            "E-GIT-208",
            f"--digest '{text[:80]}' {what}",
            cure="Give the whole digest, sha256: and 64 hex digits",
        )
    return Chosen(found[0], commits[found[0]], "named by --digest")


def newest_for(mirror: Mirror, caller: Caller, state: BranchState, project_folder: str) -> Chosen:
    """The bundle that a promotion into the environment means when nobody names one.

    What was completed last in every predecessor; for an environment without predecessor, what automatic promotion took
    last. Raises `Stalled` E-GIT-207 when git does not say.
    """
    name = state.environment
    after = predecessors(mirror, caller, name, project_folder)
    if not after:
        promoted = parse_branch(state.files).promoted
        if promoted is not None:
            return Chosen(promoted.digest, promoted.commit, "the last one that automatic promotion took")
        raise Stalled(
            "E-GIT-207",
            f"'{name}' comes after no environment, and which bundle is the newest is not written in git",
            cure="Give --digest; the project's page lists the bundles of its commits",
        )
    histories = {}
    for predecessor in after:
        ledger = parse_branch(read_environment(mirror, caller, predecessor, fetch=False).files).ledger
        histories[predecessor] = ledger.history if ledger is not None else ()
    first, *others = (histories[predecessor] for predecessor in after)
    for entry in first:
        if all(entry.digest in {completed.digest for completed in other} for other in others):
            return Chosen(
                entry.digest, entry.commit, f"completed last in {' and '.join(after)} ({entry.rollout})"
            )
    raise Stalled(
        "E-GIT-207",
        f"no bundle was completed in {' and '.join(after)}, which '{name}' comes after",
        cure=f"Wait for a rollout there to complete (`git log {caller.branch_prefix}env/{after[0]}`), or give --digest",
    )


def predecessors(mirror: Mirror, caller: Caller, environment: str, project_folder: str) -> tuple[str, ...]:
    """The environments that trunk's head names in `environment "…" { after "…" }`, in that order.

    Raises `Stalled` when there is no trunk or it does not declare the environment.
    """
    if mirror.refs().get(HEADS + caller.trunk) is None:
        raise Stalled(
            "E-GIT-207",
            f"{shown(caller.url)} has no branch '{caller.trunk}'",
            cure="Name it with --trunk, or give --digest",
        )
    node = _declared(mirror, caller, environment, project_folder)
    if node is not None:
        values = (value for child in node.children if child.name == "after" for value in child.arguments)
        return tuple(value for value in values if isinstance(value, str))
    raise Stalled(
        "E-GIT-207",
        f"'{caller.trunk}' declares no environment '{environment}', so what it comes after is not known",
        cure="Give --digest, or --path when the project is a folder of the repository",
    )


def merged_by(mirror: Mirror, caller: Caller, environment: str) -> str:
    """Who merges the pull request that a promotion has to be, as trunk's head says: "people" or "auto"; "" for none."""
    node = _declared(mirror, caller, environment, caller.path)
    policies = [child for child in node.children if child.name == "policy"] if node is not None else []
    for child in (child for policy in policies for child in policy.children):
        if child.name == "promote":
            return str(child.properties.get("pull-request", ""))
    return ""


def _declared(mirror: Mirror, caller: Caller, environment: str, folder: str) -> KdlNode | None:
    head = mirror.refs().get(HEADS + caller.trunk)
    if head is None:
        return None
    read = read_tree(mirror, head, folder, select=lambda path: path.endswith(".kdl"))
    for path, _, content in read.files:
        nodes, _ = parse_kdl(content, path)
        for node in nodes or ():
            if node.name == "environment" and node.arguments[:1] == (environment,):
                return node
    return None


def _digests(mirror: Mirror, caller: Caller) -> Mapping[str, str]:
    """Every digest that some environment asks for or completed, with its trunk commit or ""."""
    start = f"{HEADS}{caller.branch_prefix}env/"
    known: dict[str, str] = {}
    for ref in sorted(mirror.refs()):
        if not ref.startswith(start):
            continue
        files = parse_branch(read_environment(mirror, caller, ref.removeprefix(start), fetch=False).files)
        pairs = [(entry.digest, entry.commit) for entry in (files.ledger.history if files.ledger else ())]
        pairs += [
            (found.digest, found.commit) for found in (files.release, files.promoted) if found is not None
        ]
        for digest, commit in pairs:
            known[digest] = known.get(digest) or commit
    return known
