"""What needs attention first: the exceptions of a project, each with why, since when and where to look. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.db.models import Commit, Environment, Rollout
from web.pages.matrix import batch_of, summary
from web.pages.times import short_digest
from web.pages.words import NODES

ORDER = {"stop": 0, "hold": 1}
"""How urgent a tone is: what is broken comes before what waits for a person."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to look at. `code` may be empty; `path` is relative to the project's page."""

    tone: str
    icon: str
    title: str
    message: str
    code: str
    since: datetime | None
    path: str


def notices(
    newest: Commit | None,
    environments: Sequence[Environment],
    under_way: Sequence[Rollout],
    newest_rollouts: Mapping[str, Rollout],
    tallies: Mapping[str, Mapping[str, int]],
    others: Iterable[Notice] = (),
) -> list[Notice]:
    """Everything of one project that needs a look, the most urgent first, then in promotion order."""
    found = [
        *_of_commit(newest),
        *(notice for row in environments for notice in _of_environment(row)),
        *(_of_rollout(row) for row in under_way if row.state == "paused"),
        *(_of_rollout(row) for row in newest_rollouts.values() if row.state == "rolled-back"),
        *_of_nodes(tallies),
        *others,
    ]
    return sorted(found, key=lambda notice: ORDER.get(notice.tone, len(ORDER)))


def _of_commit(commit: Commit | None) -> list[Notice]:
    if commit is None or commit.state != "refused":
        return []
    count = sum(1 for finding in commit.findings or () if finding.get("severity") == "error")
    words = f"{count} finding{'s' if count != 1 else ''}" if count else commit.reason
    return [
        Notice(
            "stop", "refused", "The newest commit is refused", f"{summary(commit)}: {words}. Nothing changed anywhere.",
            "", commit.seen_at, f"commits/{commit.sha}",
        )
    ]  # fmt: skip


def _of_environment(row: Environment) -> list[Notice]:
    path = f"environments/{row.name}"
    found = []
    view = row.view or {}
    if row.stalled_code:
        found.append(
            Notice(
                "stop",
                "stalled",
                f"{row.name} is stalled",
                row.stalled_message,
                row.stalled_code,
                row.updated_at,
                path,
            )
        )
    for hold in view.get("holds") or ():
        owner = f" ({hold['owner']})" if hold.get("owner") else ""
        found.append(
            Notice(
                "hold",
                "paused",
                f"{row.name} is on hold",
                f"{hold.get('reason') or hold.get('name')}{owner}",
                "",
                None,
                path,
            )
        )
    found += [
        Notice(
            "stop",
            "unhealthy",
            f"{item.get('path')} of {row.name} cannot be read",
            str(item.get("message") or ""),
            "",
            None,
            path,
        )
        for item in view.get("malformed") or ()
    ]
    return found


def _of_rollout(row: Rollout) -> Notice:
    number, count = batch_of(row)
    where = f" at batch {number} of {count}" if count else ""
    tone, word = ("stop", "was rolled back") if row.state == "rolled-back" else ("hold", f"is paused{where}")
    return Notice(
        tone,
        "rolledback" if tone == "stop" else "paused",
        f"{row.name} in {row.environment} {word}",
        f"{short_digest(row.digest)}: {row.because}" if row.because else short_digest(row.digest),
        "",
        row.ended_at or row.opened_at,
        f"environments/{row.environment}/rollouts/{row.name}",
    )


def _of_nodes(tallies: Mapping[str, Mapping[str, int]]) -> list[Notice]:
    found = []
    for key in ("refusing", "unhealthy", "silent"):
        where = {name: tally[key] for name, tally in tallies.items() if tally.get(key)}
        count = sum(where.values())
        if not count:
            continue
        verb = "node is" if count == 1 else "nodes are"
        only = next(iter(where)) if len(where) == 1 else ""
        title = f"{count} {verb} {NODES[key].label}" + (f" in {only}" if only else "")
        spread = "" if only else ", ".join(f"{number} in {name}" for name, number in where.items()) + ". "
        query = f"environment={only}&status={key}" if only else f"status={key}"
        tone = "stop" if key == "refusing" else "hold"
        found.append(
            Notice(tone, NODES[key].icon, title, spread + NODES[key].meaning, "", None, f"nodes?{query}")
        )
    return found
