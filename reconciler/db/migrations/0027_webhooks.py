"""How webhooks fare, as their forges say."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Webhook(Model):
        organization = CharField(max_length=63)
        connection = CharField(max_length=63)
        url = CharField(max_length=1000)
        trouble = TextField(default="")
        seen_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "webhook"
            indexes = ((("organization", "connection", "url"), True),)

    db.create_tables([Webhook])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("webhook"))
