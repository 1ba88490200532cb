"""The configured resources of trunk as they are read over the interface, and changes of them."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Resource(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        kind = CharField(max_length=63)
        name = CharField(max_length=255)
        path = TextField()
        blob = CharField(max_length=64)
        etag = CharField(max_length=64)
        commit = CharField(max_length=64)
        form = TextField()
        text = TextField()

        class Meta:
            database = db
            table_name = "resource"
            indexes = ((("organization", "project", "kind", "name"), True),)

    class Projected(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        commit = CharField(max_length=64)
        projected_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "projected"
            indexes = ((("organization", "project"), True),)

    db.create_tables([Resource, Projected])
    migrator.migrate(
        migrator.add_column("change", "content", TextField(default="")),
        migrator.add_column("change", "result", TextField(default="{}")),
    )


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_column("change", "content"),
        migrator.drop_column("change", "result"),
        migrator.drop_table("resource"),
        migrator.drop_table("projected"),
    )
