"""What nodes tell beside their heartbeats: batches, attacks, and what their proxies run."""

from __future__ import annotations

from datetime import datetime, timedelta

from peewee import AutoField, CharField, IntegerField, TextField

from reconciler.db.session import writing
from reconciler.db.table import DocumentField, InstantField, Table

BATCHES_KEPT = timedelta(hours=24)
ATTACKS_KEPT = timedelta(days=30)


class NodeBatch(Table):
    """A batch of a node that was taken in. `batch` is the node's own name for it; the same one again adds nothing."""

    id = AutoField()
    node = CharField(63)
    kind = CharField(15)
    batch = CharField(63)
    items = IntegerField()
    at = InstantField(index=True)

    class Meta:
        indexes = ((("node", "kind", "batch"), True), (("node", "kind", "at"), False))


class WafEvent(Table):
    """A request that a rule of a web application firewall caught, as the node tells it.

    `at` is our clock when it was told, `said_at` when it happened by the clock of the node.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    node = CharField(63)
    at = InstantField(index=True)
    said_at = InstantField()
    service = CharField(63, default="")
    rule = CharField(63)
    category = CharField(15)
    action = CharField(15)
    severity = CharField(15)
    client = CharField(45, default="")
    method = CharField(16, default="")
    path = TextField(default="")
    agent = TextField(default="")

    class Meta:
        indexes = ((("organization", "project", "at"), False),)


class RuntimeConfig(Table):
    """What a node's proxy says that it runs, the last time it said something else."""

    node = CharField(63, primary_key=True)
    organization = CharField(63)
    project = CharField(63)
    config_id = CharField(16, default="")
    sha256 = CharField(64)
    document = DocumentField()
    reported_at = InstantField()


def forget_reports(*, now: datetime) -> int:
    """Delete batches and attacks that are old enough; return how many."""
    with writing():
        batches: int = NodeBatch.delete().where(NodeBatch.at < now - BATCHES_KEPT).execute()
        attacks: int = WafEvent.delete().where(WafEvent.at < now - ATTACKS_KEPT).execute()
    return batches + attacks


REPORTED: tuple[type[Table], ...] = (NodeBatch, WafEvent, RuntimeConfig)
