"""What is to be told to forges, and the pull requests it is about."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Pull(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        number = IntegerField()
        open = BooleanField(default=True)
        concerned = BooleanField(default=True)
        head = CharField(max_length=64, default="")
        onto = CharField(max_length=64, default="")
        verdict = CharField(max_length=15, default="")
        text = TextField(default="")
        planned_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "pull"
            indexes = ((("organization", "project", "number"), True),)

    class Outgoing(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        kind = CharField(max_length=15)
        subject = CharField(max_length=200)
        words = TextField()
        wanted = CharField(max_length=64)
        sent = CharField(max_length=64, default="")
        remote = CharField(max_length=63, default="")
        problem = TextField(default="")
        changed_at = BigIntegerField()
        sent_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "outgoing"
            indexes = ((("organization", "project", "kind", "subject"), True),)

    class ForgeBudget(Model):
        organization = CharField(max_length=63)
        connection = CharField(max_length=63)
        not_before = BigIntegerField(null=True)
        noted_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "forge_budget"
            indexes = ((("organization", "connection"), True),)

    db.create_tables([Pull, Outgoing, ForgeBudget])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_table("forge_budget"),
        migrator.drop_table("outgoing"),
        migrator.drop_table("pull"),
    )
