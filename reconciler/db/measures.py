"""What nodes measured: the counters they reported last, and what was counted in each minute."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, CharField, IntegerField

from reconciler.db.table import DocumentField, InstantField, Table


class NodeCounter(Table):
    """The counters of a node's last report, which the next one is compared with. `life` is that of its proxy."""

    node = CharField(63, primary_key=True)
    life = CharField(63)
    services = DocumentField(default=dict)
    """{service: `Counts.to_json`}"""
    at = InstantField(index=True)


class NodeSignal(Table):
    """What one node counted while it ran one digest, in one minute of our clock.

    `digest` is empty for what was counted across a change, of which nobody knows which digest it belongs to.
    `requests`, `failed`, `observed` and `buckets` are of all services together, `services` of each ({service:
    `Counts.to_json`}). The rest is the highest that was reported in that minute, null when nothing was.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    node = CharField(63)
    digest = CharField(71)
    minute = InstantField(index=True)
    requests = BigIntegerField(default=0)
    failed = BigIntegerField(default=0)
    observed = BigIntegerField(default=0)
    buckets = DocumentField(default=lambda: [[], []])
    """Bounds in milliseconds, and how many requests took at most so long."""
    services = DocumentField(default=dict)
    cpu_permille = IntegerField(null=True)
    memory_permille = IntegerField(null=True)
    open_breakers = IntegerField(null=True)

    class Meta:
        indexes = ((("node", "minute", "digest"), True),)
