"""Tokens of nodes, clones of nodes, and registrations that take a node's place."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, Model, TextField

COLUMNS = (
    ("tokens_after", lambda: BigIntegerField(null=True)),
    ("boots", lambda: TextField(default="[]")),
    ("beat", lambda: CharField(max_length=32, default="")),
    ("doubts", lambda: IntegerField(default=0)),
    ("doubted_at", lambda: BigIntegerField(null=True)),
    ("cloned_at", lambda: BigIntegerField(null=True)),
)


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("join_token", "replaces", BooleanField(default=False)),
        *(migrator.add_column("node", name, field()) for name, field in COLUMNS),
    )

    class TokenKey(Model):
        kid = CharField(max_length=63, primary_key=True)
        public = CharField(max_length=64)
        made_at = BigIntegerField()
        expires_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "token_key"

    db.create_tables([TokenKey])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_table("token_key"),
        *(migrator.drop_column("node", name) for name, _ in reversed(COLUMNS)),
        migrator.drop_column("join_token", "replaces"),
    )
