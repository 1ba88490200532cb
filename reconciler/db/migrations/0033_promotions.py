"""Promotions that are pull requests into the branches of environments."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Promotion(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        branch = CharField(max_length=180)
        digest = CharField(max_length=71)
        head = CharField(max_length=64)
        number = IntegerField(default=0)
        before = IntegerField(default=0)
        fate = CharField(max_length=15, default="waits")
        code = CharField(max_length=15, default="")
        message = TextField(default="")
        changed_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "promotion"
            indexes = ((("organization", "project", "branch"), True),)

    db.create_tables([Promotion])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("promotion"))
