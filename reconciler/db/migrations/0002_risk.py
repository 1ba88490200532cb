"""How dangerous each bundle is to each environment."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Risk(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        digest = CharField(max_length=71)
        against = CharField(max_length=71, default="")
        level = CharField(max_length=15)
        reasons = TextField(default="")
        changes = TextField(default="")
        judged_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "risk"
            indexes = ((("organization", "project", "environment", "digest", "against"), True),)

    db.create_tables([Risk])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("risk"))
