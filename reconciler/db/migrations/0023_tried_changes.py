"""A change remembers the commits that workers were about to push for it, so that nobody else's counts as its own."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("change", "tried", TextField(default="")))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("change", "tried"))
