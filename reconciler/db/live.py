"""Which bundles are alive: what any environment points to, and what any node has or runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.db.models import Environment, Node, Pointer
from reconciler.db.session import reading


def live_bundles(organization: str, project: str) -> frozenset[str]:
    """The digests (`sha256:` and hex) of a project that a pointer or a release names, or that a node holds."""
    with reading():
        return frozenset(digest for digest in _named(organization, project) if digest)


def _named(organization: str, project: str) -> Iterator[str]:
    def of(table: Any) -> Any:
        return (table.organization == organization) & (table.project == project)

    for pointer in Pointer.select(Pointer.digest).where(of(Pointer)).distinct():
        yield pointer.digest
    for environment in Environment.select(Environment.view).where(of(Environment)):
        view = environment.view or {}
        yield (view.get("release") or {}).get("digest") or ""
        yield view.get("live") or ""
    held = Node.select(Node.running, Node.delivered).where(of(Node), Node.retired_at.is_null()).distinct()
    for node in held:
        yield node.running
        yield node.delivered
