"""Named requests whose answers held something that is told once."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model


def up(migrator: Any, db: Any) -> None:
    class ToldOnce(Model):
        person = CharField(max_length=63)
        idempotency = CharField(max_length=100)
        request = CharField(max_length=64)
        made = CharField(max_length=127)
        at = BigIntegerField()

        class Meta:
            database = db
            table_name = "told_once"
            indexes = ((("person", "idempotency"), True),)

    db.create_tables([ToldOnce])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("told_once"))
