"""What is measured for gates, and what drifts."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class StepEvidence(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        rollout = CharField(max_length=63)
        step = IntegerField()
        since = BigIntegerField()
        at = BigIntegerField()
        document = TextField()

        class Meta:
            database = db
            table_name = "step_evidence"
            indexes = ((("organization", "project", "environment"), True),)

    class Drift(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        desired = CharField(max_length=71)
        running = CharField(max_length=71)
        severity = CharField(max_length=15)
        summary = TextField(default="")
        nodes = IntegerField()
        examples = TextField(default="[]")
        since = BigIntegerField()
        seen_at = BigIntegerField()
        resolved_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "drift"
            indexes = (
                (("organization", "project", "environment", "desired", "running", "since"), True),
                (("organization", "project", "resolved_at"), False),
            )

    db.create_tables([StepEvidence, Drift])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("drift"), migrator.drop_table("step_evidence"))
