"""The tables of the configured resources of trunk, as its newest valid commit has them. `models` lists them among all.

They are a projection of git: what is lost is read again. Nothing decides by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import AutoField, CharField, TextField, fn

from reconciler.db.many import upsert_many
from reconciler.db.session import reading
from reconciler.db.table import DocumentField, InstantField, Table


class Resource(Table):
    """A resource. `path` and `blob` are of its file, from the root of the repository; `text` is what stands there of
    the resource itself, `etag` git's id of that text as a blob, and `form` the JSON form. `commit` is the trunk commit
    in which this state was seen first."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    kind = CharField(63)
    name = CharField(255)
    path = TextField()
    blob = CharField(64)
    etag = CharField(64)
    commit = CharField(64)
    form = DocumentField()
    text = TextField()

    class Meta:
        indexes = ((("organization", "project", "kind", "name"), True),)


class Projected(Table):
    """The commit of trunk that `Resource` is of."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    commit = CharField(64)
    projected_at = InstantField()

    class Meta:
        indexes = ((("organization", "project"), True),)


TABLES = (Resource, Projected)


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as it was read from a commit."""

    kind: str
    name: str
    path: str
    blob: str
    etag: str
    form: Any
    text: str


def one(organization: str, project: str, kind: str, name: str) -> Resource | None:
    """A resource of a project, or None."""
    with reading():
        found: Resource | None = Resource.get_or_none(
            *_of(organization, project, kind), Resource.name == name
        )
    return found


def listed(
    organization: str, project: str, kind: str, *, after: str | None, part: str | None, limit: int
) -> list[Resource]:
    """Resources of a kind in the order of their names, those after a name, with `part` in theirs."""
    query = Resource.select().where(*_of(organization, project, kind))
    if after is not None:
        query = query.where(Resource.name > after)
    if part is not None:
        # `contains` escapes what the database would take for a pattern.
        query = query.where(Resource.name.contains(part))
    with reading():
        return list(query.order_by(Resource.name).limit(limit))


def counts(organization: str, project: str) -> dict[str, int]:
    """How many resources of each kind there are."""
    with reading():
        rows: Any = (
            Resource.select(Resource.kind, fn.COUNT(Resource.id))
            .where(Resource.organization == organization, Resource.project == project)
            .group_by(Resource.kind)
            .tuples()
        )
        return dict(rows)


def projected(organization: str, project: str) -> str:
    """The commit that the resources are of; empty before the first."""
    with reading():
        row = Projected.get_or_none(Projected.organization == organization, Projected.project == project)
    return "" if row is None else str(row.commit)


def blobs(organization: str, project: str) -> dict[str, str]:
    """The blob of every file that a resource is in, by path."""
    with reading():
        rows: Any = (
            Resource.select(Resource.path, Resource.blob)
            .where(Resource.organization == organization, Resource.project == project)
            .distinct()
            .tuples()
        )
        return dict(rows)


def keep(organization: str, project: str, commit: str, found: Iterable[Found]) -> None:
    """Write resources as a commit has them. Call inside `writing`."""
    columns = ("organization", "project", "kind", "name", "path", "blob", "etag", "commit", "form", "text")
    upsert_many(
        Resource,
        columns,
        ("organization", "project", "kind", "name"),
        [
            (
                organization,
                project,
                one.kind,
                one.name,
                one.path,
                one.blob,
                one.etag,
                commit,
                one.form,
                one.text,
            )
            for one in found
        ],
    )


def forget(organization: str, project: str, kind: str, name: str) -> None:
    """Remove a resource. Call inside `writing`."""
    Resource.delete().where(*_of(organization, project, kind), Resource.name == name).execute()


def replace_all(
    organization: str,
    project: str,
    commit: str,
    *,
    there: Iterable[tuple[str, str]],
    changed: Iterable[Found],
    now: datetime,
) -> None:
    """Bring the rows to a commit: those that are not `there` go, those that `changed` are written. Call inside
    `writing`."""
    rows: Any = (
        Resource.select(Resource.kind, Resource.name)
        .where(Resource.organization == organization, Resource.project == project)
        .tuples()
    )
    for kind, name in set(rows) - set(there):
        forget(organization, project, kind, name)
    keep(organization, project, commit, changed)
    Projected.insert(organization=organization, project=project, commit=commit, projected_at=now).on_conflict(
        conflict_target=[Projected.organization, Projected.project],
        update={Projected.commit: commit, Projected.projected_at: now},
    ).execute()


def _of(organization: str, project: str, kind: str) -> tuple[Any, ...]:
    return (Resource.organization == organization, Resource.project == project, Resource.kind == kind)
