"""What was restored from a backup, and which nodes have a signed record in the object store."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model


def up(migrator: Any, db: Any) -> None:
    class Restored(Model):
        organization = CharField(max_length=63, primary_key=True)
        epoch = BigIntegerField()
        made_at = BigIntegerField()
        restored_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "restored"

    db.create_tables([Restored])
    migrator.migrate(
        migrator.add_column("node", "recorded_at", BigIntegerField(null=True)),
        migrator.add_column("node", "recorded_by", CharField(max_length=64, default="")),
    )


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_column("node", "recorded_by"),
        migrator.drop_column("node", "recorded_at"),
        migrator.drop_table("restored"),
    )
