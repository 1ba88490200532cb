"""Changes that were asked for over the JSON interface."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Change(Model):
        id = CharField(max_length=63, primary_key=True)
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        operation = CharField(max_length=31)
        body = TextField(default="{}")
        person = CharField(max_length=63)
        author_name = CharField(max_length=100)
        author_email = CharField(max_length=160)
        idempotency = CharField(max_length=100, null=True)
        state = CharField(max_length=15, default="asked")
        commit = CharField(max_length=64, default="")
        code = CharField(max_length=15, default="")
        message = TextField(default="")
        asked_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "change"
            indexes = (
                (("organization", "project", "asked_at"), False),
                (("person", "idempotency"), True),
            )

    db.create_tables([Change])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("change"))
