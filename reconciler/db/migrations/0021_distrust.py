"""Bundles that nobody vouches for any more are told from those that were signed again."""

from __future__ import annotations

from typing import Any

from peewee import IntegerField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("bundle", "distrusted_version", IntegerField(default=0)))


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_column("bundle", "distrusted_version"))
