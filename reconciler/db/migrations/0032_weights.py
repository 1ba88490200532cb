"""The weight that a node says it publishes."""

from __future__ import annotations

from typing import Any

from peewee import IntegerField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("node", "weight", IntegerField(null=True)))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("node", "weight"))
