"""The audit log."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class AuditRow(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63, default="")
        number = BigIntegerField(null=True)
        at = BigIntegerField()
        actor_kind = CharField(max_length=15)
        actor = TextField()
        action = CharField(max_length=63)
        subject = CharField(max_length=127, default="")
        outcome = CharField(max_length=15, default="done")
        details = TextField(default="{}")
        address = CharField(max_length=63, default="")
        source = CharField(max_length=127)
        link = CharField(max_length=64, default="")
        mac = CharField(max_length=64, default="")

        class Meta:
            database = db
            table_name = "audit_row"
            indexes = (
                (("organization", "number"), True),
                (("organization", "source"), True),
                (("organization", "at"), False),
            )

    class AuditLost(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        number = BigIntegerField()
        row_sha256 = CharField(max_length=64)
        link = CharField(max_length=64)
        noticed_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "audit_lost"
            indexes = ((("organization", "number"), True), (("organization", "row_sha256"), False))

    db.create_tables([AuditRow, AuditLost])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("audit_lost"), migrator.drop_table("audit_row"))
