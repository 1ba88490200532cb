"""One look at a repository: fetch once, see which branches moved, ask for the work of the projects they concern.

What moved, what was owed for it and what no delivery told of are written in one transaction, over the version of the
row that was read: a run that dies changed nothing, and of two at once one reads again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from reconciler.config.addresses import place
from reconciler.config.installation import Installation, Project
from reconciler.db.forge import Pull
from reconciler.db.intake import Gap, Receipt, Repository
from reconciler.db.models import Environment
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace
from reconciler.flows.context import Context
from reconciler.flows.intake.guessing import Circumstances, guess
from reconciler.flows.intake.weighing import Step, untold
from reconciler.flows.outcome import Outcome
from reconciler.git.mirror import Mirror
from reconciler.release.paths import PROMOTIONS

MOST_RECEIPTS = 10_000
"""Weighed in one look. More is looked at in the next."""

Refs = Mapping[str, str]
Work = tuple[str, str, str]
"""Project, kind, subject."""


@dataclass(frozen=True, slots=True)
class Told:
    """What deliveries said since the last look: steps by reference, whether tags moved, the newest receipt's number."""

    steps: Mapping[str, list[Step]]
    tags: bool
    newest: int


def sharing(installation: Installation, project: Project) -> list[Project]:
    """The projects of the same organization in the same repository by the same connection, by slug."""
    return sorted(
        (
            other
            for organization in installation.organizations
            if organization.slug == project.organization
            for other in organization.projects
            if (other.repository, other.connection) == (project.repository, project.connection)
        ),
        key=lambda other: other.slug,
    )


REDELIVERY_AFTER = timedelta(minutes=2)


def run(context: Context) -> Outcome:
    """Look once. Raises `Transient` or `Stalled` when the repository cannot be fetched, `LostRace` E-FRG-001."""
    row = _row(context)
    # Receipts first: what they tell of has happened, so the branches that are read next show it.
    told = _told(context, row)
    refs = context.mirror.fetch()
    moved = sorted(name for name in row.refs.keys() | refs.keys() if row.refs.get(name) != refs.get(name))
    projects = sharing(context.installation, context.project)
    with writing():
        saved = (
            Repository.update(
                refs=refs, receipt=told.newest, version=row.version + 1, looked_at=context.now()
            )
            .where(Repository.id == row.id, Repository.version == row.version)
            .execute()
        )
        if not saved:
            raise LostRace("E-FRG-001", "somebody else looked at the repository meanwhile")
        first = row.version == 0
        wanted = (
            _all(context, projects, refs)
            if first
            else _wanted(context, projects, row.refs, refs, moved, told)
        )
        looks = dict.fromkeys(wanted, True)
        looks |= {(projects[0].slug, "pull", str(number)): False for number in _pulls(projects, wanted)}
        # Receivers ask in this order too: of two transactions that want the same rows, neither waits for the other's.
        for (slug, kind, subject), known in sorted(looks.items()):
            ask(context.organization.slug, slug, kind, subject, now=context.now(), known=known)
        gaps = 0 if first else _weigh(context, row, refs, moved, told)
        if gaps and context.connection is not None and context.connection.speaks:
            # By then what was only late has come.
            ask(
                context.organization.slug,
                projects[0].slug,
                "redelivery",
                now=context.now(),
                due_at=context.now() + REDELIVERY_AFTER,
            )
    if not moved and not wanted:
        return Outcome("unchanged", "no branch has moved")
    words = f"{len(moved)} references moved, {len(wanted)} pieces of work are asked for"
    return Outcome("changed", words + (f"; of {gaps} moves nobody told us" if gaps else ""))


def _row(context: Context) -> Repository:
    """What was seen last; a row of version 0 when nothing was."""
    project = context.project
    key = {
        "organization": project.organization,
        "connection": project.connection or "",
        "url": project.repository,
    }
    with reading():
        found: Repository | None = Repository.get_or_none(**key)
    if found is None:
        with writing():
            Repository.insert(**key, looked_at=context.now()).on_conflict_ignore().execute()
            found = Repository.get(**key)
    return found


def _told(context: Context, row: Repository) -> Told:
    steps: dict[str, list[Step]] = {}
    newest, tags = row.receipt, False
    with reading():
        receipts = list(
            Receipt.select(Receipt.id, Receipt.place, Receipt.refs)
            .where(
                Receipt.organization == row.organization,
                Receipt.connection == row.connection,
                Receipt.id > row.receipt,
            )
            .order_by(Receipt.id)
            .limit(MOST_RECEIPTS)
        )
    here = place(row.url)
    for receipt in receipts:
        newest = receipt.id
        if receipt.place != here:
            continue
        for ref, move in receipt.refs.items():
            tags |= ref.startswith("refs/tags/")
            steps.setdefault(ref, []).append((move["before"], move["after"]))
    return Told(steps, tags, newest)


def _all(context: Context, projects: list[Project], refs: Refs) -> list[Work]:
    """At the first look: every trunk, and every environment that is known."""
    wanted: list[Work] = [(project.slug, "trunk", "") for project in projects]
    known = _environments(context, [project.slug for project in projects])
    by_slug = {project.slug: project for project in projects}
    for slug, name in sorted(known):
        if f"refs/heads/{by_slug[slug].branch_prefix}env/{name}" in refs:
            wanted.append((slug, "environment", name))
    return wanted


def _wanted(
    context: Context, projects: list[Project], before: Refs, refs: Refs, moved: list[str], told: Told
) -> list[Work]:
    """What the moves ask for. A project that has a folder of its own is not concerned by changes elsewhere."""
    changed = set(moved)
    wanted: list[Work] = []
    for project in projects:
        trunk = f"refs/heads/{project.trunk}"
        touched = trunk in changed and _touched(
            context.mirror, project, before.get(trunk, ""), refs.get(trunk, "")
        )
        if touched or (told.tags and project.tags):
            wanted.append((project.slug, "trunk", ""))
    branches = [name for name in moved if "/env/" in name]
    if branches:
        prefixes = {f"refs/heads/{project.branch_prefix}env/": project.slug for project in projects}
        found = {
            (prefixes[start + "env/"], rest)
            for start, _, rest in (name.rpartition("env/") for name in branches)
            if start + "env/" in prefixes
        }
        known = _environments(context, sorted({slug for slug, _ in found}))
        wanted += [(slug, "environment", name) for slug, name in sorted(found & known)]
    return [*wanted, *_promotions(context, projects, moved)]


def _promotions(context: Context, projects: list[Project], moved: list[str]) -> list[Work]:
    """The environments of which a branch moved that asks for a promotion."""
    found = {
        (project.slug, name.removeprefix(start).partition("/")[0])
        for project in projects
        for start in (f"refs/heads/{project.branch_prefix}{PROMOTIONS}/",)
        for name in moved
        if name.startswith(start)
    }
    known = _environments(context, sorted({slug for slug, _ in found}))
    return [(slug, "promotion", name) for slug, name in sorted(found & known)]


def _pulls(projects: list[Project], wanted: list[Work]) -> list[int]:
    """The open pull requests into a trunk that moved: what they would do is another thing now."""
    moved = {slug for slug, kind, _ in wanted if kind == "trunk"}
    if not moved:
        return []
    rows = (
        Pull.select(Pull.number)
        .where(Pull.organization == projects[0].organization, Pull.project.in_(sorted(moved)), Pull.open)
        .distinct()
    )
    return sorted(row.number for row in rows)


def _touched(mirror: Mirror, project: Project, before: str, after: str) -> bool:
    """Whether a move of trunk changes the project's folder; yes, where that cannot be told or history was rewritten."""
    if not project.path or not before or not after or not mirror.is_ancestor(before, after):
        return True
    return mirror.entry_id(before, project.path) != mirror.entry_id(after, project.path)


def _environments(context: Context, slugs: list[str]) -> set[tuple[str, str]]:
    if not slugs:
        return set()
    rows = Environment.select(Environment.project, Environment.name).where(
        Environment.organization == context.organization.slug, Environment.project.in_(slugs)
    )
    return {(row.project, row.name) for row in rows}


def _weigh(context: Context, row: Repository, refs: Refs, moved: list[str], told: Told) -> int:
    """Write down what nobody told of, and what has been told of late; return how many moves are new in the report."""
    connection = context.connection
    if connection is None or not connection.secrets:
        return 0
    here = (Gap.organization == row.organization, Gap.connection == row.connection, Gap.url == row.url)
    still: dict[str, list[Gap]] = {}
    for gap in Gap.select().where(*here, Gap.explained_at.is_null()).order_by(Gap.id):
        still.setdefault(gap.ref, []).append(gap)
    new: list[tuple[str, Step]] = []
    for ref in sorted(set(moved) | {name for name in told.steps if name.startswith("refs/heads/")}):
        missing = still.get(ref, [])
        steps = [(gap.before, gap.after) for gap in missing]
        left = untold(row.refs.get(ref, ""), refs.get(ref, ""), told.steps.get(ref, []), steps)
        for gap in missing:
            if (gap.before, gap.after) in left:
                left.remove((gap.before, gap.after))
            else:
                gap.explained_at = context.now()
                gap.save()
        new += [(ref, step) for step in left]
    circumstances = Circumstances(connection.forge, _last_delivery(row), context.now())
    told_of = sum(name in told.steps for name in moved)
    for ref, (before, after) in new:
        Gap.create(
            organization=row.organization,
            connection=row.connection,
            url=row.url,
            ref=ref,
            before=before,
            after=after,
            guess=guess(ref, moved, told_of, circumstances),
            found_at=context.now(),
        )
    return len(new)


def _last_delivery(row: Repository) -> datetime | None:
    newest = Receipt.select(fn.MAX(Receipt.received_at)).where(
        Receipt.organization == row.organization, Receipt.connection == row.connection
    )
    moment: datetime | None = newest.scalar()
    return moment
