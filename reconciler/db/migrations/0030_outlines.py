"""What pages tell of a configuration, of a bundle's files and of the difference between two bundles."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class ConfigurationOutline(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        digest = CharField(max_length=71)
        commit = CharField(max_length=64)
        document = TextField()
        noted_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "configuration_outline"
            indexes = ((("organization", "project", "digest", "environment"), True),)

    db.create_tables([ConfigurationOutline])
    migrator.migrate(
        migrator.add_column("risk", "difference", TextField(default="[]")),
        migrator.add_column("bundle", "files", TextField(default="{}")),
        migrator.add_column("bundle", "tree", CharField(max_length=64, default="")),
        migrator.add_column("bundle", "author", TextField(default="")),
    )


def down(migrator: Any, db: Any) -> None:
    for table, column in (
        ("bundle", "author"),
        ("bundle", "tree"),
        ("bundle", "files"),
        ("risk", "difference"),
    ):
        migrator.migrate(migrator.drop_column(table, column))
    migrator.migrate(migrator.drop_table("configuration_outline"))
