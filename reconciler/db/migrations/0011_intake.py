"""What repositories looked like when they were last looked at, and what no delivery told of."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Repository(Model):
        organization = CharField(max_length=63)
        connection = CharField(max_length=63, default="")
        url = TextField()
        refs = TextField(default="{}")
        receipt = BigIntegerField(default=0)
        version = BigIntegerField(default=0)
        looked_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "repository"
            indexes = ((("organization", "connection", "url"), True),)

    class Gap(Model):
        organization = CharField(max_length=63)
        connection = CharField(max_length=63)
        url = TextField()
        ref = TextField()
        before = CharField(max_length=64)
        after = CharField(max_length=64)
        guess = TextField()
        found_at = BigIntegerField(index=True)
        explained_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "gap"
            indexes = ((("organization", "connection", "explained_at"), False),)

    db.create_tables([Repository, Gap])
    migrator.migrate(
        migrator.add_column("receipt", "place", TextField(default="")),
        migrator.add_index("receipt", ("organization", "connection", "id"), False),
        migrator.add_column("work", "known", BooleanField(default=False)),
    )


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_column("work", "known"),
        migrator.drop_index("receipt", "receipt_organization_connection_id"),
        migrator.drop_column("receipt", "place"),
        migrator.drop_table("gap"),
        migrator.drop_table("repository"),
    )
