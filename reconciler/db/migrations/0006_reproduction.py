"""Whether each bundle could be rebuilt from its commit."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Reproduction(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        digest = CharField(max_length=71)
        outcome = CharField(max_length=15)
        because = TextField()
        details = TextField(default="[]")
        compiler = CharField(max_length=63)
        checked_at = BigIntegerField()
        identical_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "reproduction"
            indexes = ((("organization", "project", "digest"), True),)

    db.create_tables([Reproduction])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("reproduction"))
