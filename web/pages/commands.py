"""The commands and git operations that would act on what a page shows, ready to copy. A page never acts. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.db.models import Commit, Environment, Node, Release, Rollout
from web.catalogue import ProjectEntry
from web.pages.matrix import Cell


@dataclass(frozen=True, slots=True)
class Command:
    """One line for a shell, and what it would do."""

    text: str
    does: str


def for_environment(entry: ProjectEntry, row: Environment, history: list[Release]) -> list[Command]:
    """What a person could do to an environment."""
    branch = entry.branch(row.name)
    found = [
        Command(_line("sentinelctl", "promote", row.name), "promote the newest commit that may come here"),
        Command(
            _line("git", "fetch", "origin", branch) + " && " + _line("git", "log", f"origin/{branch}"),
            "read the deployment history in git",
        ),
    ]
    release = next((r for r in history if changes_release(r)), None)
    view = row.view or {}
    if view.get("live"):
        found.insert(
            1, Command(_line("sentinelctl", "rollback", row.name), "bring back the previous good bundle")
        )
    if view.get("holds"):
        found.insert(0, Command(_line("sentinelctl", "resume", row.name), "lift what holds it, and go on"))
    if release is not None:
        found.insert(
            -1,
            Command(
                _line("git", "switch", branch)
                + " && "
                + _line("git", "revert", "--no-edit", release.sha[:12])
                + " && git push",
                "the same with git alone: take the last release back",
            ),
        )
    return found


def for_commit(entry: ProjectEntry, commit: Commit, cells: Iterable[Cell]) -> list[Command]:
    """What a person could do with a commit of trunk. `cells` says where it is."""
    found = [Command(_line("git", "show", commit.sha[:12]), "read the change")]
    found += [
        Command(_line("sentinelctl", "promote", cell.environment), f"bring it to {cell.environment}")
        for cell in cells
        if cell.state.key == "ready"
    ]
    if commit.state == "compiled":
        found.append(
            Command(
                _line("git", "revert", "--no-edit", commit.sha[:12]) + " && git push",
                f"undo the change on {entry.trunk}: a new commit that goes the whole way",
            )
        )
    if commit.state == "refused":
        found.append(Command("sentinelctl validate .", "see the findings in your own clone before you push"))
    return found


def for_approval(environment: str) -> list[Command]:
    """What a person could say of a wish that waits for approvals."""
    return [
        Command(
            _line("sentinelctl", "approve", environment, "--sign") + " ~/.ssh/id_ed25519",
            "approve it: a signed commit",
        ),
        Command(_line("sentinelctl", "reject", environment, "--why", "…"), "reject it: nothing opens"),
        Command(_line("sentinelctl", "cancel", environment, "--why", "…"), "withdraw the release"),
    ]


def for_rollout(row: Rollout) -> list[Command]:
    """What a person could do to a rollout that has not ended."""
    place = row.environment
    if row.state == "paused":
        return [
            Command(_line("sentinelctl", "resume", place), "lift what holds it, and go on"),
            Command(_line("sentinelctl", "retry", place, "--reason", "…"), "try what failed once more"),
            Command(_line("sentinelctl", "cancel", place, "--why", "…"), "end it; every node goes back"),
        ]
    if row.state == "partial":
        return [
            Command(_line("sentinelctl", "resume", place, "--all"), "go on with all other nodes"),
            Command(_line("sentinelctl", "cancel", place, "--why", "…"), "end it; every node goes back"),
        ]
    if row.state == "open":
        return [
            Command(_line("sentinelctl", "pause", place), "stop after the step that is under way"),
            Command(_line("sentinelctl", "cancel", place, "--why", "…"), "end it; every node goes back"),
        ]
    if row.state == "rolled-back":
        return [Command(_line("sentinelctl", "retry", place, "--reason", "…"), "try it once more")]
    return []


def for_node(row: Node) -> list[Command]:
    """What a person could do about one node."""
    digest = row.running or row.delivered
    found = [Command(_line("sentinelctl", "why", row.id), "say why it runs what it runs")]
    if digest:
        pin = _line(
            "sentinelctl", "pin", row.environment, "--node", row.id, "--bundle", digest[:19], "--reason", "…"
        )
        found.append(Command(pin, "keep it on what it runs, whatever is released"))
    if row.retired_at is None:
        found.append(
            Command(_line("sentinelctl", "node", "retire", row.id, "--because", "…"), "let it go for good")
        )
    return found


def for_bundle(digest: str, environments: Iterable[str]) -> list[Command]:
    """What a person could do with a bundle; `environments` are those that do not run it."""
    return [
        *(
            Command(_line("sentinelctl", "promote", name, "--digest", digest[:19]), f"bring it to {name}")
            for name in environments
        ),
        Command(
            _line("sentinelctl", "revoke", digest[:19], "--reason", "…"), "forbid it in every environment"
        ),
    ]


def changes_release(row: Release) -> bool:
    """Whether a commit of an environment branch put another release there."""
    subject = row.subject.lower()
    return subject.startswith(("promote ", "release ", "revert "))


def _line(*words: str) -> str:
    return shlex.join(words)
