"""Each pointer says how much traffic its cohort is meant to get."""

from __future__ import annotations

from typing import Any

from peewee import IntegerField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("pointer", "weight", IntegerField(default=100)))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("pointer", "weight"))
