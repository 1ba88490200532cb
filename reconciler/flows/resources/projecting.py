"""Brings the rows of resources to the newest valid commit of trunk. Only files that changed are looked into."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.config.edits import Standing, blob_id
from reconciler.config.source import LANGUAGE
from reconciler.db import resources
from reconciler.db.resources import Found
from reconciler.db.session import writing
from reconciler.flows import trunk_rows
from reconciler.flows.compiling import read_project
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.resources.confined import standings_confined


def run(context: Context) -> Outcome:
    """Read what changed since the last time, and write it in one transaction."""
    owner = (context.organization.slug, context.project.slug)
    sha = trunk_rows.last_valid(context)
    if sha is None or sha == resources.projected(*owner):
        return Outcome("unchanged", "the resources are those of the newest valid commit")
    if not context.mirror.has_commit(sha):
        context.mirror.fetch()
    files, _ = read_project(context.mirror, sha, context.project.path)
    known = resources.blobs(*owner)
    blobs = {file.path: blob_id(file.content) for file in files if file.path.endswith(LANGUAGE)}
    changed = {path for path, blob in blobs.items() if known.get(in_folder(context, path)) != blob}
    there, found = standings_confined(files, changed, context.compile_cache())
    with writing():
        resources.replace_all(
            *owner, sha, there=there, changed=rows(context, found, blobs), now=context.now()
        )
    return Outcome("changed", f"{len(changed)} files of {sha[:12]} are read, with {len(found)} resources")


def in_folder(context: Context, path: str) -> str:
    """A path of the project from the root of its repository."""
    return f"{context.project.path}/{path}" if context.project.path else path


def rows(context: Context, found: Iterable[Standing], blobs: dict[str, str]) -> list[Found]:
    """Resources as they are kept."""
    return [
        Found(one.kind, one.name, in_folder(context, one.path), blobs[one.path], one.etag, one.form, one.text)
        for one in found
    ]
