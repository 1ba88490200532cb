"""The plan of a pull request as a page shows it."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("pull", "plan", TextField(default="{}")))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("pull", "plan"))
