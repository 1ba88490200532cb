"""Writes what pages tell of configurations, beside their bundles: of the last commits, and of what environments have.

It is made after a bundle is published, in a look of its own, so that nobody waits for it who waits for a bundle. It
needs no key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.compile.outlining import outlines
from reconciler.config.findings import has_errors
from reconciler.config.remembered import Memory
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.db.models import Bundle, Commit, Pointer
from reconciler.db.outlines import forget_outlines, outlined, record_outlines
from reconciler.db.session import reading, writing
from reconciler.flows.answers import ask_confined
from reconciler.flows.candidates import compiled
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.compiling import read_project
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.parts import Parts

RECENT = 10
"""How many of the last commits that compiled have outlines."""


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Write the outlines that lack, the newest first, and forget those that nobody looks at any more.

    Raises `Transient` and `Stalled` as the forge does, and when a tree that compiled cannot be read.
    """
    owner = (context.organization.slug, context.project.slug)
    with reading():
        recent, offered = _recent(context), _offered(context)
        known = outlined(*owner)
    # The files that an outline names are those of the newest commit that compiled to the bundle.
    lacking = [(digest, sha) for digest, sha in recent.items() if known.get(digest) != sha]
    lacking += [
        (digest, sha) for digest, sha in offered.items() if digest not in known and digest not in recent
    ]
    made = 0
    for digest, sha in lacking:
        if not context.mirror.has_commit(sha):
            context.mirror.fetch()
        if not context.mirror.has_commit(sha):
            # Trunk was rewritten, and nobody keeps what it had: there is nothing to tell of it.
            continue
        files, findings = read_project(context.mirror, sha, context.project.path)
        if has_errors(findings):
            continue
        found = outlined_confined(files, context.compile_cache())
        renew()
        with writing():
            record_outlines(*owner, digest, sha, found, now=context.now())
        made += 1
    with writing():
        forget_outlines(*owner, kept={*recent, *offered})
    if not made:
        return Outcome("unchanged", "what pages tell of configurations is known")
    return Outcome("changed", f"pages can tell of {made} configurations more")


def outlined_confined(files: Sequence[SourceFile], cache: CompileCache) -> dict[str, bytes]:
    """The outline of each environment of a tree, as JSON; none when the tree is not valid to this version.

    Raises `Transient` E-TRK-004 when the child was ended from outside, `Stalled` E-TRK-003 when it failed.
    """

    def child() -> tuple[bytes, ...]:
        snapshot, _ = read_snapshot(files, Memory(cache.known(files)))
        parts = Parts()
        told = () if snapshot is None else outlines(snapshot)
        return parts.behind({one.graph.environment: parts.keep(_text(one.to_json())) for one in told})

    def read(document: Any, kept: Callable[[Any], bytes]) -> dict[str, bytes]:
        return {str(name): kept(pair) for name, pair in document.items()}

    cure = "Report it with the commit; nothing but pages lacks it"
    return ask_confined(child, read, "the outline", severed="E-TRK-004", failed="E-TRK-003", cure=cure)


def _text(form: Mapping[str, Any]) -> bytes:
    return json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode()


def _recent(context: Context) -> dict[str, str]:
    """The bundles of the last commits that compiled, newest first, each with the newest of its commits."""
    found: dict[str, str] = {}
    for row in compiled(context).order_by(Commit.position.desc()).limit(RECENT):
        found.setdefault(row.digest, row.sha)
    return found


def _offered(context: Context) -> dict[str, str]:
    """The bundles that environments have, each with the commit that its statement names."""
    owner = (context.organization.slug, context.project.slug)
    digests = Pointer.select(Pointer.digest).where(
        Pointer.organization == owner[0], Pointer.project == owner[1]
    )
    rows = Bundle.select(Bundle.digest, Bundle.commit).where(
        Bundle.organization == owner[0], Bundle.project == owner[1], Bundle.digest.in_(digests)
    )
    return {row.digest: row.commit for row in rows}
