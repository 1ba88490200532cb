"""The branches that ask for promotions, as git, the database and the forge have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.db.forge import Outgoing
from reconciler.db.promotions import Promotion
from reconciler.db.session import reading
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.envbranch import CommitKeys
from reconciler.flows.promotions.pending import rows_of
from reconciler.flows.pulls.outbox import unopenable
from reconciler.flows.pulls.reviewing import same
from reconciler.forge.calling import Api, NotThere
from reconciler.forge.request import path_of
from reconciler.git.merging import changes, merge, merge_base
from reconciler.git.mirror import HEADS, Mirror
from reconciler.release import paths
from reconciler.release.branch import parse_branch
from reconciler.release.pull_requests import Fate, Forge, Proposed
from reconciler.release.state import Release

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""What a promotion branch is called below its environment's folder, usually by its bundle. Git allows more, which
queries of forges and the database need not."""

MOST_COMMITS = 50
MOST_BRANCHES = 50
"""Of one environment. More of them are somebody's mistake, and each costs the forge a question."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One branch that asks for a promotion. `one` None: what it asks for cannot be read, and `trouble` says why.

    `lost`: merging it would change something, so that it is not thrown away.
    """

    row: Promotion
    head: str
    one: Proposed | None
    trouble: str = ""
    lost: bool = True


def folder_of(context: Context, environment: str) -> str:
    """What the full names of an environment's promotion branches begin with."""
    return f"{HEADS}{context.project.branch_prefix}{paths.PROMOTIONS}/{environment}/"


def ref_of(context: Context, environment: str, digest: str) -> str:
    """The full name of the branch that asks for a bundle."""
    return f"{folder_of(context, environment)}{paths.short(digest)}"


def asking(
    context: Context,
    environment: str,
    refs: Mapping[str, str],
    onto: str,
    keys: CommitKeys,
    api: Api | None,
) -> Iterator[Asking]:
    """Each branch that asks for a promotion, and how far its pull request is. Raises as the forge does."""
    known = {row.branch: row for row in rows_of(context, environment)}
    start = folder_of(context, environment)
    names = sorted(
        name for name in refs if name.startswith(start) and NAME.fullmatch(name.removeprefix(start))
    )
    for name in names[:MOST_BRANCHES]:
        branch, head = name.removeprefix(HEADS), refs[name]
        row = known.get(branch) or Promotion(
            organization=context.organization.slug,
            project=context.project.slug,
            environment=environment,
            branch=branch,
            digest="",
            head=head,
            fate=Fate.waits,
        )
        release, trouble = _release(context.mirror, head)
        if release is None:
            yield Asking(row, head, None, trouble)
            continue
        told = _told(row)
        number, forge = _pull(context, api, row, told, head)
        base = merge_base(context.mirror, onto, head)
        lost, conflicts, others = _merging(context.mirror, base, onto, head, release)
        ours = _ours(context.mirror, base, head, keys)
        problem = unopenable(context) or (told.problem if told is not None else "")
        one = Proposed(branch, release, number, forge, ours, conflicts, others, problem)
        yield Asking(row, head, one, lost=lost)


def _release(mirror: Mirror, head: str) -> tuple[Release | None, str]:
    try:
        content = mirror.read_file(head, paths.RELEASE)
    except Refused as error:
        return None, error.message
    if content is None:
        return None, f"it has no {paths.RELEASE}"
    parsed = parse_branch({paths.RELEASE: content})
    return parsed.release, "; ".join(found.message for found in parsed.malformed)


def _pull(
    context: Context, api: Api | None, row: Promotion, told: Outgoing | None, head: str
) -> tuple[int, Forge]:
    """The number of its pull request and how the forge has it. One that has ended is not of what came to the branch
    later, for which there has to be another one."""
    opened = int(told.remote or 0) if told is not None else 0
    number = row.number or (opened if opened > row.before else 0)
    if not number or api is None:
        return number, Forge.open if number else Forge.none
    repository = path_of(context.project.repository)
    try:
        info = api.ask(api.forge.pull(repository, number), api.forge.read_pull, now=context.now())
    except NotThere:
        info = None
    if info is not None and info.open:
        return number, Forge.open
    if info is None or not same(head, info.head):
        row.before, row.number = max(row.before, number), 0
        return 0, Forge.none
    return number, Forge.merged if info.merged else Forge.closed


def _told(row: Promotion) -> Outgoing | None:
    """What the forge was told to open for it."""
    with reading():
        found: Outgoing | None = Outgoing.get_or_none(
            Outgoing.organization == row.organization,
            Outgoing.project == row.project,
            Outgoing.kind == "proposal",
            Outgoing.subject == row.branch,
        )
    return found


def _merging(
    mirror: Mirror, base: str | None, onto: str, head: str, release: Release
) -> tuple[bool, bool, tuple[str, ...]]:
    """Whether merging it would change anything, whether it cannot give what is asked for, and what else it would
    change."""
    if base is None:
        return True, True, ()
    merged = merge(mirror, onto, head)
    if merged.conflicts:
        return True, True, ()
    changed = changes(mirror, onto, merged.commit)
    given, _ = _release(mirror, merged.commit)
    return bool(changed), given != release, tuple(path for path in changed if path != paths.RELEASE)


def _ours(mirror: Mirror, base: str | None, head: str, keys: CommitKeys) -> bool:
    commits = mirror.since(base, head, limit=MOST_COMMITS) if base is not None else []
    return len(commits) < MOST_COMMITS and all(mirror.signed_by(one.sha, *keys.believed) for one in commits)
