"""The transparency log: what was signed of it, what others saw of it, and alarms where the two differ."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class LogCheckpoint(Model):
        organization = CharField(max_length=63)
        epoch = BigIntegerField()
        size = BigIntegerField()
        checkpoint = CharField(max_length=160)
        signed_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "log_checkpoint"
            indexes = (
                (("organization", "epoch", "size"), True),
                (("organization", "checkpoint"), False),
            )

    class LogAlarm(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        source = CharField(max_length=15)
        subject = CharField(max_length=127)
        name = CharField(max_length=127)
        seen = CharField(max_length=160)
        ours = CharField(max_length=160)
        reason = TextField()
        raised_at = BigIntegerField()
        acknowledged_at = BigIntegerField(null=True)
        acknowledged_because = TextField(default="")

        class Meta:
            database = db
            table_name = "log_alarm"
            indexes = ((("organization", "project", "source", "subject", "seen"), True),)

    db.create_tables([LogCheckpoint, LogAlarm])
    migrator.migrate(migrator.add_column("node", "log", CharField(max_length=160, default="")))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("node", "log"))
    migrator.migrate(migrator.drop_table("log_alarm"))
    migrator.migrate(migrator.drop_table("log_checkpoint"))
