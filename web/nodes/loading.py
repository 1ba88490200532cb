"""Reads what the poll path must know from database and store: the changes since the last look, in a thread."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from reconciler.db.models import Bundle, Environment, Node, Pointer
from reconciler.db.node_keys import TokenKey
from reconciler.db.session import reading
from reconciler.fleet.cohorts import EVERYBODY, Assignment
from reconciler.fleet.versions import versions_of
from web.nodes.artifacts import Artifacts
from web.nodes.directory import Answer, BlobEntry, EnvironmentEntry, NodeEntry

OVERLAP = timedelta(seconds=10)
"""Rows written by a slow transaction, or by a machine whose clock is behind, are seen although they look old."""

WHOLE_SECONDS = 300.0
"""How often everything is read again, whatever its time stamps say."""

BUNDLE_OVERLAP = 200

Scope = tuple[str, str, str]
Assigned = tuple[int, str]
"""The sequence of an environment, and its assignment as JSON."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look found. `environments` is None when no answer and no assignment changed."""

    nodes: tuple[NodeEntry, ...]
    retired: tuple[str, ...]
    environments: Mapping[Scope, EnvironmentEntry] | None
    blobs: tuple[BlobEntry, ...]
    token_keys: Mapping[str, str]
    """The public keys that tokens are checked by, by their ids."""
    whole: bool
    """Whether `nodes` are all there are; otherwise they are those that changed."""


@dataclass(slots=True)
class Loader:
    """Remembers where the last look ended. Used by one thread at a time."""

    artifacts: Artifacts
    _nodes_since: datetime | None = None
    _bundles_since: int = 0
    _whole_at: float = 0.0
    _signature: tuple[object, ...] | None = None

    def look(self) -> Changes:
        """One look. Raises what database and store raise; then nothing is remembered and the next look sees it all."""
        whole = self._nodes_since is None or time.monotonic() - self._whole_at > WHOLE_SECONDS
        with reading():
            nodes, retired, newest = self._read_nodes(None if whole else self._nodes_since)
            blobs, last = self._read_bundles(0 if whole else self._bundles_since)
            token_keys = {row.kid: row.public for row in TokenKey.select()}
            signature, rows, assigned, signed = self._read_environments()
        environments = None
        if signature != self._signature:
            environments, complete = self._answers(rows, assigned, signed)
            # A statement that is not in the store yet is looked for again at the next look.
            self._signature = signature if complete else None
        if whole:
            self._whole_at = time.monotonic()
        self._nodes_since, self._bundles_since = newest, last
        return Changes(nodes, retired, environments, blobs, token_keys, whole)

    def _read_nodes(
        self, since: datetime | None
    ) -> tuple[tuple[NodeEntry, ...], tuple[str, ...], datetime | None]:
        query = Node.select(
            Node.id, Node.organization, Node.project, Node.environment, Node.registered_at, Node.key_sha256,
            Node.labels, Node.tokens_after, Node.versions, Node.retired_at, Node.changed_at,
        )  # fmt: skip
        if since is not None:
            query = query.where(Node.changed_at >= since - OVERLAP)
        present, retired, newest = [], [], since
        for row in query.tuples().iterator():
            *facts, versions, retired_at, changed_at = row
            if retired_at is None:
                facts.append(versions_of(versions))
                present.append(NodeEntry(*facts))
            else:
                retired.append(facts[0])
            newest = changed_at if newest is None else max(newest, changed_at)
        return tuple(present), tuple(retired), newest

    def _read_bundles(self, since: int) -> tuple[tuple[BlobEntry, ...], int]:
        query = Bundle.select(
            Bundle.id,
            Bundle.organization,
            Bundle.project,
            Bundle.digest,
            Bundle.blob_sha256,
            Bundle.blob_length,
        ).where(Bundle.id > since - BUNDLE_OVERLAP)
        rows: list[tuple[Any, ...]] = cast("list[tuple[Any, ...]]", list(query.tuples()))
        return tuple(BlobEntry(*row[1:]) for row in rows), max((row[0] for row in rows), default=since)

    def _read_environments(
        self,
    ) -> tuple[tuple[object, ...], list[Pointer], dict[Scope, Assigned], dict[Scope, int]]:
        assigned = assignments()
        query = Pointer.select(
            Pointer.organization,
            Pointer.project,
            Pointer.environment,
            Pointer.cohort,
            Pointer.etag,
            Pointer.digest,
        )
        etags: list[tuple[str, ...]] = cast("list[tuple[str, ...]]", list(query.tuples()))
        signed = statement_versions({row[5] for row in etags})
        signature = (
            tuple(sorted(etags)),
            tuple(sorted(assigned.items())),
            tuple(sorted(signed.items())),
        )
        rows = [] if signature == self._signature else list(Pointer.select())
        return signature, rows, assigned, signed

    def _answers(
        self, rows: list[Pointer], assigned: Mapping[Scope, Assigned], signed: Mapping[Scope, int]
    ) -> tuple[dict[Scope, EnvironmentEntry], bool]:
        answers: dict[Scope, dict[str, Answer]] = {}
        complete = True
        for row in rows:
            scope = (row.organization, row.project, row.environment)
            if scope in assigned and row.sequence != assigned[scope][0]:
                # A newer pointer was written between the two looks: by an older assignment nodes would be moved early.
                # An older one is what a cohort left behind that nobody is in.
                complete = complete and row.sequence < assigned[scope][0]
                continue
            version = signed.get((row.organization, row.project, row.digest), 1)
            statement = self.artifacts.statement(row.organization, row.project, row.digest, version)
            if statement is None:
                complete = False
                continue
            # The envelopes stand in the answer byte for byte as they were signed and stored. The root is the one by
            # whose keys they were: of a newer one a node hears with the pointer that its keys sign.
            body = (
                (
                    f'{{"cohort":"{row.cohort}","root_version":{row.root_version},'
                    f'"blob":"/api/v1/bundles/{row.digest}","pointer":{row.envelope},"statement":'
                ).encode()
                + statement.strip()
                + b"}"
            )
            answers.setdefault(scope, {})[row.cohort] = Answer(row.cohort, f'"{row.etag}"'.encode(), body)
        entries = {
            scope: EnvironmentEntry(found, Assignment.from_json(json.loads(assigned[scope][1])))
            if scope in assigned
            else EnvironmentEntry(found, EVERYBODY)
            for scope, found in answers.items()
        }
        return entries, complete


def statement_versions(digests: set[str]) -> dict[Scope, int]:
    """Under which root the statement of each of these bundles was signed last. Call inside `reading`."""
    query = Bundle.select(Bundle.organization, Bundle.project, Bundle.digest, Bundle.root_version).where(
        Bundle.digest.in_(sorted(digests))
    )
    rows: list[tuple[Any, ...]] = cast("list[tuple[Any, ...]]", list(query.tuples()))
    return {(organization, project, digest): version for organization, project, digest, version in rows}


def assignments() -> dict[Scope, Assigned]:
    """Of each environment the sequence and the assignment that holds from there on. Call inside `reading`."""
    query = Environment.select(
        Environment.organization,
        Environment.project,
        Environment.name,
        Environment.sequence,
        Environment.assignment,
    ).where(Environment.sequence > 0)
    rows: list[tuple[Any, ...]] = cast("list[tuple[Any, ...]]", list(query.tuples()))
    return {row[:3]: (row[3], json.dumps(row[4], sort_keys=True)) for row in rows}
