"""Holds what others saw of the log against the log as it is: what nodes report, what our commits say, what we signed.

A checkpoint that the log does not begin with is an alarm: entries were changed or taken away, or somebody else signs
for this organization. An alarm is written once and stays until a person acknowledges it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.bundle.checkpoint import Checkpoint, origin_of, read_short
from reconciler.bundle.tiles import Edge
from reconciler.db.logged import LogAlarm
from reconciler.db.models import Event, Node, Release
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.appending import catch_up
from reconciler.flows.log.files import LogFiles
from reconciler.flows.log.recorded import newest_recorded
from reconciler.flows.log.signing import open_log
from reconciler.flows.outcome import Outcome
from reconciler.flows.projection import LOG_TRAILER

EVERY = timedelta(hours=1)
"""How often everything is looked at again. A checkpoint that we did not sign is looked at as soon as it is reported."""

TRAILERS = 500
"""Of a project's newest commits on environment branches; each contains all that were before it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A checkpoint that somebody saw. `source`, `subject` and `name` are the columns of `LogAlarm`."""

    source: str
    subject: str
    name: str
    seen: str


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Look at every sighting of the project; write an alarm for each that is no beginning of the log."""
    files, now = open_log(context), context.now()
    with reading():
        sightings = list(_sightings(context))
    renew()
    edge = catch_up(files)
    ours = Checkpoint(origin_of(files.organization), edge.size, edge.root())
    verdicts: dict[str, str] = {}
    found = 0
    for sighting in sightings:
        if sighting.seen not in verdicts:
            verdicts[sighting.seen] = judge(files, edge, sighting.seen)
            renew()
        if verdicts[sighting.seen]:
            found += 1
            raise_alarm(
                files.organization,
                context.project.slug,
                sighting,
                str(ours),
                verdicts[sighting.seen],
                now=now,
            )
    again = now + EVERY
    if found:
        return Outcome("changed", f"{found} of {len(sightings)} checkpoints are of another log", again)
    return Outcome(
        "unchanged", f"the log of {edge.size} entries begins with all {len(sightings)} checkpoints", again
    )


def judge(files: LogFiles, edge: Edge, seen: str) -> str:
    """Why the log does not begin with a checkpoint in the short form, in words; empty when it does."""
    try:
        checkpoint = read_short(seen)
    except Refused as refusal:
        return refusal.message
    if checkpoint.origin != origin_of(files.organization):
        return f"it is of another log than '{origin_of(files.organization)}'"
    if checkpoint.size > edge.size:
        return f"the log has {edge.size} entries, {checkpoint.size - edge.size} fewer than were seen"
    try:
        same = files.root_at(checkpoint.size, edge) == checkpoint.root
    except Stalled as damage:
        return damage.message
    return (
        "" if same else f"the first {checkpoint.size} entries of the log are others than those that were seen"
    )


def raise_alarm(
    organization: str, project: str, sighting: Sighting, ours: str, reason: str, *, now: datetime
) -> None:
    """Write an alarm and an event, once for each checkpoint that somebody saw."""
    values = {
        "organization": organization, "project": project, "source": sighting.source,
        "subject": sighting.subject, "name": sighting.name, "seen": sighting.seen, "ours": ours, "reason": reason,
    }  # fmt: skip
    with writing():
        known = LogAlarm.select().where(
            LogAlarm.organization == organization,
            LogAlarm.project == project,
            LogAlarm.source == sighting.source,
            LogAlarm.subject == sighting.subject,
            LogAlarm.seen == sighting.seen,
        )
        if known.exists():
            return
        LogAlarm.insert(**values, raised_at=now).on_conflict_ignore().execute()
        Event.create(
            organization=organization,
            project=project,
            kind="log.alarm",
            subject=sighting.subject,
            message=f"{sighting.source} {sighting.name} saw another log: {reason}",
            details={"source": sighting.source, "name": sighting.name, "seen": sighting.seen, "ours": ours},
            at=now,
        )


def _sightings(context: Context) -> Iterator[Sighting]:
    """Everything that was seen of the log, as far as this project knows. Call inside `reading`."""
    organization, project = context.organization.slug, context.project.slug
    newest = newest_recorded(organization)
    if newest is not None:
        yield Sighting("log", organization, "our own record", str(newest))
    commits = (
        Release.select()
        .where(Release.organization == organization, Release.project == project, Release.ours)
        .order_by(Release.id.desc())
        .limit(TRAILERS)
    )
    for row in commits:
        for name, value in row.trailers:
            if name == LOG_TRAILER:
                yield Sighting("branch", row.sha, f"{row.environment} at {row.sha[:12]}", value)
    nodes = Node.select().where(
        Node.organization == organization,
        Node.project == project,
        Node.retired_at.is_null(),
        Node.log != "",
    )
    for node in nodes.order_by(Node.id):
        yield Sighting("node", node.id, node.name, node.log)
