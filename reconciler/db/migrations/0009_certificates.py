"""What is told of the certificates in a bundle."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("bundle", "certificates", TextField(default="{}")))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("bundle", "certificates"))
