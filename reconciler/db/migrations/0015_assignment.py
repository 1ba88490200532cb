"""What decides on the cohort of each node of an environment."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("environment", "assignment", TextField(default="{}")))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("environment", "assignment"))
