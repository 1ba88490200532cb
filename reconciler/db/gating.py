"""What is measured for gates, and what drifts. `models` lists both tables among all."""

from __future__ import annotations

from peewee import AutoField, CharField, IntegerField, TextField

from reconciler.db.table import DocumentField, InstantField, Table


class StepEvidence(Table):
    """What was measured last of the active step of an environment (`StepSignals.to_json`), so that it is measured every
    few seconds and not at every look. `since` is when that step began or was resumed."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    rollout = CharField(63)
    step = IntegerField()
    since = InstantField()
    at = InstantField()
    document = DocumentField()

    class Meta:
        indexes = ((("organization", "project", "environment"), True),)


class Drift(Table):
    """Nodes of one environment that run one digest while git wants another of them, for longer than they may.

    One row for each pair of digests while it lasts; `resolved_at` is when the last of its nodes was right again.
    `severity` is a level of risk or `unknown`, and `summary` says by what the two differ. `running` "" stands
    for nodes that run nothing. `examples` names a few of the `nodes`.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    desired = CharField(71)
    running = CharField(71)
    severity = CharField(15)
    summary = TextField(default="")
    nodes = IntegerField()
    examples = DocumentField(default=list)
    since = InstantField()
    seen_at = InstantField()
    resolved_at = InstantField(null=True)

    class Meta:
        indexes = (
            (("organization", "project", "environment", "desired", "running", "since"), True),
            (("organization", "project", "resolved_at"), False),
        )
