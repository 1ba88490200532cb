"""What a rebuild does, in order. Each step finds out by itself what is still to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.flows.context import Context
from reconciler.flows.rebuild.audit import bring_commits, bring_numbers
from reconciler.flows.rebuild.bundles import bring_bundles
from reconciler.flows.rebuild.nodes import bring_nodes
from reconciler.flows.rebuild.trunk import bring_trunk

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """One step that is done: of which project, what it is, and what came of it in a sentence."""

    project: str
    what: str
    words: str


STEPS: tuple[tuple[str, Callable[[Context, Say], str]], ...] = (
    ("audit numbers", bring_numbers),
    ("nodes", bring_nodes),
    ("trunk", bring_trunk),
    ("bundles", bring_bundles),
    ("audit rows", bring_commits),
)
"""Nodes first: a branch is not followed before they are known. The last valid commit before the other bundles, for its
compilation knows more of its own than its manifest does."""


def rebuild(context: Context, say: Say) -> Iterator[Done]:
    """Bring back one project. Raises `Stalled` and `Transient` as git, object store and database do; running it again
    goes on."""
    for what, step in STEPS:
        yield Done(context.project.slug, what, step(context, say))
