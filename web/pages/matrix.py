"""The commit × environment matrix: where is my change? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.db.models import Commit, Environment, Rollout
from web.pages.times import short_digest, short_sha
from web.pages.words import CELLS, State, state_of

REACHED = frozenset({"running", "rolling-out", "paused", "partial"})
COMING = frozenset({"rolling-out", "paused", "partial", "waiting", "ready", "not-here"})
"""States of a commit that an environment may still be brought to."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One commit in one environment. `rail` says how the rail of the column is drawn there.

    `risk` is set for what may still come here, or is coming, and is worth a mark.
    """

    environment: str
    state: State
    detail: str
    rollout: str
    rail: str
    risk: State | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One commit and its cells, in promotion order."""

    commit: Commit
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """What one environment says, from its stored view."""

    row: Environment
    live: str
    completed: str
    wished_commit: str
    wished_digest: str
    quarantine: Mapping[str, str]
    waiting: tuple[Mapping[str, Any], ...]
    rollouts: Mapping[str, Rollout]
    after: tuple[str, ...]
    done: frozenset[str]


def column(environment: Environment, rollouts: Iterable[Rollout]) -> Column:
    """Read one environment's view; `rollouts` are the project's, the oldest first."""
    view = environment.view or {}
    release = view.get("release") or {}
    history = [entry for entry in view.get("history") or () if isinstance(entry, dict)]
    newest = max(history, key=lambda entry: entry.get("sequence") or 0, default={})
    mine = [row for row in rollouts if row.environment == environment.name]
    return Column(
        row=environment,
        live=view.get("live") or "",
        completed=str(newest.get("rollout") or ""),
        wished_commit=release.get("commit") or "",
        wished_digest=release.get("digest") or "",
        quarantine={str(q.get("digest")): str(q.get("why") or "") for q in view.get("quarantine") or ()},
        waiting=tuple(view.get("waiting") or ()),
        rollouts={str((row.view or {}).get("commit") or ""): row for row in mine},
        after=tuple((view.get("policy") or {}).get("after") or ()),
        done=frozenset(
            [str(entry.get("digest")) for entry in history]
            + [r.digest for r in mine if r.state == "completed"]
        ),
    )


def rows(
    commits: Sequence[Commit],
    environments: Sequence[Environment],
    rollouts: Iterable[Rollout],
    *,
    older: Commit | None = None,
    stations: Mapping[str, int] | None = None,
    risks: Mapping[tuple[str, str], State] | None = None,
) -> list[Row]:
    """The rows of the matrix. `commits` are the newest first; `older` is the next one, for comparing digests.

    `stations` is the position of the commit that each environment runs, for those that are not among `commits`.
    `risks` is the risk worth a mark, by digest and environment.
    """
    known = list(rollouts)
    columns = [column(environment, known) for environment in environments]
    done = {c.row.name: c.done for c in columns}
    before = _digests_before(commits, older)
    states: dict[str, list[tuple[str, str, str]]] = {
        c.row.name: [_cell(commit, c, before[commit.sha]) for commit in commits] for c in columns
    }
    for c in columns:
        _mark_ready(commits, c, states[c.row.name], done)
    positions = [commit.position for commit in commits]
    rails = {
        name: _rails(
            [key for key, _, _ in cells], positions, _running(cells, positions, (stations or {}).get(name))
        )
        for name, cells in states.items()
    }
    return [
        Row(
            commit,
            tuple(
                Cell(
                    c.row.name,
                    state_of(CELLS, states[c.row.name][place][0]),
                    states[c.row.name][place][1],
                    states[c.row.name][place][2],
                    rails[c.row.name][place],
                    _risk(commit, c.row.name, states[c.row.name][place][0], risks or {}),
                )
                for c in columns
            ),
        )
        for place, commit in enumerate(commits)
    ]


def _risk(commit: Commit, environment: str, key: str, risks: Mapping[tuple[str, str], State]) -> State | None:
    return risks.get((commit.digest, environment)) if key in COMING else None


def batch_of(rollout: Rollout) -> tuple[int, int]:
    """(current batch, number of batches) of a rollout, counted from one."""
    steps = (rollout.view or {}).get("steps") or []
    current = next((n for n, s in enumerate(steps, 1) if s.get("state") in ("active", "failed")), 0)
    done = sum(1 for step in steps if step.get("state") == "done")
    return current or min(done + 1, len(steps)), len(steps)


def _digests_before(commits: Sequence[Commit], older: Commit | None) -> dict[str, str]:
    """For each commit the digest of the nearest older commit that compiled, or an empty string."""
    found: dict[str, str] = {}
    digest = older.digest if older is not None else ""
    for commit in reversed(commits):
        found[commit.sha] = digest
        digest = commit.digest or digest
    return found


def _cell(commit: Commit, c: Column, digest_before: str) -> tuple[str, str, str]:
    """(state, detail, rollout name) of one commit in one environment."""
    if commit.state in ("refused", "skipped"):
        return commit.state, "", ""
    if commit.state != "compiled":
        return "compiling", "", ""
    if commit.policies and c.row.name not in {policy.get("name") for policy in commit.policies}:
        return "not-here", "this commit does not declare the environment", ""
    rollout = c.rollouts.get(commit.sha)
    if rollout is not None:
        return (*_of_rollout(rollout, c), rollout.name)
    if commit.digest in c.quarantine:
        return "quarantined", c.quarantine[commit.digest], ""
    if commit.sha == c.wished_commit:
        return (
            "waiting",
            str(c.waiting[0].get("message") or "") if c.waiting else "its rollout is about to open",
            "",
        )
    if commit.digest == digest_before:
        return "no-change", "same bundle as the commit before", ""
    if commit.digest == c.live:
        return "no-change", "the bundle that runs here", ""
    return "not-here", "", ""


def _of_rollout(rollout: Rollout, c: Column) -> tuple[str, str]:
    number, count = batch_of(rollout)
    batch = f"batch {number} of {count}" if count else ""
    if rollout.state == "open":
        return "rolling-out", batch
    if rollout.state == "paused":
        return "paused", f"at {batch}" if batch else rollout.because
    if rollout.state == "partial":
        return "partial", f"for {(rollout.view or {}).get('only') or 'some nodes'} alone"
    if rollout.state == "rolled-back":
        return "rolled-back", f"at {batch}" if batch else rollout.because
    if rollout.state == "completed":
        live = rollout.name == c.completed if c.completed else rollout.digest == c.live
        if live:
            return "running", ""
        if rollout.digest in c.quarantine:
            return "quarantined", c.quarantine[rollout.digest]
        return "was-here", ""
    return "superseded", f"at {batch}" if batch and number <= count else ""


def _mark_ready(
    commits: Sequence[Commit],
    c: Column,
    cells: list[tuple[str, str, str]],
    done: Mapping[str, frozenset[str]],
) -> None:
    """Mark the newest commit ahead of what runs here that completed in every environment before this one."""
    if not c.after:
        return
    for place, commit in enumerate(commits):
        key = cells[place][0]
        if key in REACHED or key == "waiting":
            return
        completed = all(commit.digest in done.get(name, frozenset()) for name in c.after)
        if key == "not-here" and commit.digest and completed:
            cells[place] = ("ready", f"completed in {' and '.join(c.after)}", "")
            return


def _running(
    cells: Sequence[tuple[str, str, str]], positions: Sequence[int], elsewhere: int | None
) -> int | None:
    here = (position for (key, _, _), position in zip(cells, positions, strict=True) if key == "running")
    return next(here, elsewhere)


def _rails(keys: Sequence[str], positions: Sequence[int], running: int | None) -> list[str]:
    """Where each row stands on the rail of its column.

    `running` is the position of the commit that the environment runs, which may be on another page; None: it runs
    nothing. `at` is a station: what it runs or is being brought to; `ahead` is above what it runs, `behind` below;
    `moving` and `held` lie between what it runs and the rollout that is open, paused or partial.
    """
    below = -1 if running is None else running
    target, between = None, "moving"
    rails = []
    for key, position in zip(keys, positions, strict=True):
        if position > below and key in ("rolling-out", "paused", "partial") and target is None:
            target, between = position, "moving" if key == "rolling-out" else "held"
        if key in REACHED:
            rails.append("at")
        elif position < below:
            rails.append("behind")
        else:
            rails.append("ahead" if target is None else between)
    return rails


def summary(commit: Commit) -> str:
    """A commit in one phrase, as messages name it."""
    return f"{short_sha(commit.sha)} “{commit.subject}”" + (
        f" ({short_digest(commit.digest)})" if commit.digest else ""
    )
