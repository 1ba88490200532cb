"""The commands and git operations that would act on what a page shows, ready to copy. A page never acts. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.db.models import Commit, Environment, Release
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


def changes_release(row: Release) -> bool:
    """Whether a commit of an environment branch put another release there."""
    subject = row.subject.lower()
    return subject.startswith(("promote ", "release ", "revert "))


def _line(*words: str) -> str:
    return shlex.join(words)
