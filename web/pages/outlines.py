"""Which configuration a page is about: what an environment runs, or the newest that compiled; and its outline."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import abort

from reconciler.db.models import Environment
from reconciler.db.outlines import ConfigurationOutline
from reconciler.errors import Refused
from reconciler.outline.outline import Outline
from web.pages import reads
from web.pages.scope import Scope

WHICH = ("running", "newest")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows. `outline` is None when none is kept of it; `commit` is the one in which its files stand."""

    environment: Environment
    which: str
    digest: str
    commit: str
    outline: Outline | None


def shown(scope: Scope, environments: list[Environment], name: str | None, which: str | None) -> Shown | None:
    """What is asked for, or what a person most likely means: the last environment, as it runs. None without any.

    An unknown environment is a 404. Raises `Refused` for another word than `WHICH`.
    """
    if which is not None and which not in WHICH:
        raise Refused("E-WEB-006", "'at' is neither running nor newest", cure="Leave it out")
    if name is not None and name not in {row.name for row in environments}:
        abort(404)
    if not environments:
        return None
    row = next((one for one in environments if one.name == name), environments[-1])
    live = str((row.view or {}).get("live") or "")
    newest = reads.newest_compiled(scope)
    chosen = which or ("running" if live else "newest")
    digest = live if chosen == "running" else newest.digest if newest is not None else ""
    kept = reads.outline(scope, digest, row.name) if digest else None
    return Shown(row, chosen, digest, kept.commit if kept else "", _read(kept))


def _read(row: ConfigurationOutline | None) -> Outline | None:
    """The outline, or None for one that another version wrote and that cannot be read."""
    try:
        return Outline.from_json(json.loads(row.document)) if row is not None else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None
