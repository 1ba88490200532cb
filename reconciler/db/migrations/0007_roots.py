"""Which root holds, and under which root a bundle's statement and a pointer were signed."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, IntegerField, Model


def up(migrator: Any, db: Any) -> None:
    class PublishedRoot(Model):
        organization = CharField(max_length=63, primary_key=True)
        version = IntegerField()
        epoch = BigIntegerField()
        expires_at = BigIntegerField()
        noted_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "published_root"

    db.create_tables([PublishedRoot])
    migrator.migrate(
        migrator.add_column("bundle", "root_version", IntegerField(default=1)),
        migrator.add_column("pointer", "root_version", IntegerField(default=1)),
    )


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_column("pointer", "root_version"),
        migrator.drop_column("bundle", "root_version"),
        migrator.drop_table("published_root"),
    )
