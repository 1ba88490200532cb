"""The branches of a project's repository, fetched unless somebody has just done so."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.db.intake import Repository
from reconciler.db.session import reading
from reconciler.flows.context import Context


def branches(context: Context, before: Callable[[], None] = lambda: None) -> dict[str, str]:
    """Full names and commit ids, at least as new as the request for the work that this is.

    When whoever asked had seen the branches, they are in the database; a mirror that has the same needs no fetch.
    `before` is called before anything is fetched.
    """
    if context.known:
        here = context.mirror.refs()
        with reading():
            seen = Repository.get_or_none(
                Repository.organization == context.organization.slug,
                Repository.connection == (context.project.connection or ""),
                Repository.url == context.project.repository,
            )
        if seen is not None and seen.refs == here:
            return here
    return context.mirror.fetch(before)
