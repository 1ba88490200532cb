"""What ends for a registered node: its registration, its tokens, its key. The node API notices within a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from reconciler.db import owed
from reconciler.db.many import read_many
from reconciler.db.models import Event, Node
from reconciler.db.node_keys import TokenKey
from reconciler.db.session import is_sqlite, writing
from reconciler.db.table import EPOCH


class Reporting(NamedTuple):
    """A node whose report is being written: the columns of `Node` that say who it is and what it said before.

    Its documents are shared with other nodes that said the same, and never changed.
    """

    id: str
    organization: str
    project: str
    environment: str
    name: str
    labels: Mapping[str, str]
    fixed_labels: Mapping[str, str]
    boot_id: str
    counter: int
    beat: str
    boots: Sequence[str]
    doubts: int
    doubted_at: datetime | None
    running: str
    config_id: str
    delivered: str
    sequence: int
    health: str
    health_reason: str
    refusal: Mapping[str, Any] | None
    versions: Mapping[str, str]
    weight: int | None
    log: str


_DOCUMENTS = tuple(map(Reporting._fields.index, ("labels", "fixed_labels", "boots", "refusal", "versions")))
_DOUBTED = Reporting._fields.index("doubted_at")


def find_node(organization: str, project: str, node_id: str) -> Node | None:
    """A node of a project that is not retired, by its id. Call inside `reading` or `writing`."""
    found: Node | None = Node.get_or_none(
        Node.id == node_id,
        Node.organization == organization,
        Node.project == project,
        Node.retired_at.is_null(),
    )
    return found


def locked(ids: Sequence[str]) -> list[Reporting]:
    """The nodes with these ids that are not retired, in the order of their ids, and nobody else's to change until the
    transaction ends. Call inside `writing`, which is all it takes on SQLite."""
    ends = "AND retired_at IS NULL ORDER BY id" + ("" if is_sqlite() else " FOR UPDATE")
    return [_reporting(row) for row in read_many(Node, Reporting._fields, "id", sorted(ids), ends)]


def _reporting(row: Sequence[Any]) -> Reporting:
    values = list(row)
    for place in _DOCUMENTS:
        values[place] = _document(values[place])
    doubted = values[_DOUBTED]
    values[_DOUBTED] = None if doubted is None else EPOCH + timedelta(milliseconds=doubted)
    return Reporting(*values)


@lru_cache(maxsize=4096)
def _document(text: str | None) -> Any:
    """A document of a row. Most nodes of a fleet say the same of their versions, and many of their labels."""
    return None if text is None else json.loads(text)


def retire(node: Node, because: str, *, now: datetime) -> bool:
    """End a node's registration; False when it was ended before. Call inside `writing`.

    Its key and tokens open nothing any more, its keys never register again, and what was wrapped for it is removed.
    """
    ended: int = (
        Node.update(retired_at=now, changed_at=now, recorded_at=None)
        .where(Node.id == node.id, Node.retired_at.is_null())
        .execute()
    )
    if not ended:
        return False
    _tell(node, "node.retired", f"{node.name} was retired: {because}", now)
    owed.ask(node.organization, node.project, "delivery", node.environment, now=now)
    owed.ask(node.organization, node.project, "enrolment", now=now)
    return True


def revoke_tokens(node: Node, *, now: datetime) -> None:
    """Make every token worthless that the node has; its key still gets it a new one. Call inside `writing`."""
    Node.update(tokens_after=now, changed_at=now, recorded_at=None).where(Node.id == node.id).execute()
    owed.ask(node.organization, node.project, "enrolment", now=now)
    _tell(node, "node.tokens-revoked", f"the tokens of {node.name} were revoked", now)


def revoke_all_tokens() -> int:
    """Forget every key that tokens are checked by; return how many. All nodes then get themselves new tokens."""
    with writing():
        forgotten: int = TokenKey.delete().execute()
    return forgotten


def replace_key(node_id: str, key_sha256: str, *, now: datetime) -> bool:
    """Take another key for a node, known by its SHA-256 alone; False when some other node has that one.

    Call inside `writing`. Doing it again changes nothing. Tokens that were issued by the old key end with it.
    """
    if Node.select().where(Node.key_sha256 == key_sha256, Node.id != node_id).exists():
        return False
    node = Node.get_or_none(Node.id == node_id, Node.retired_at.is_null())
    if node is not None and node.key_sha256 != key_sha256:
        changes = {"key_sha256": key_sha256, "changed_at": now, "recorded_at": None}
        Node.update(changes).where(Node.id == node_id).execute()
        owed.ask(node.organization, node.project, "enrolment", now=now)
        _tell(node, "node.key-replaced", f"{node.name} replaced its key", now)
    return True


def unrecorded(organization: str, project: str) -> bool:
    """Whether a node's record in the object store is owed. Call inside `reading`."""
    return bool(
        Node.select(Node.id)
        .where(Node.organization == organization, Node.project == project, Node.recorded_at.is_null())
        .exists()
    )


def _tell(node: Node, kind: str, message: str, now: datetime) -> None:
    Event.create(
        organization=node.organization,
        project=node.project,
        kind=kind,
        subject=node.id,
        message=message,
        details={"environment": node.environment, "name": node.name},
        at=now,
    )
