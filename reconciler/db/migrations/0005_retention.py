"""Bundles that are about to be removed, and those that were."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("bundle", "condemned_at", BigIntegerField(null=True)),
        migrator.add_column("bundle", "removed_at", BigIntegerField(null=True)),
    )


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_column("bundle", "condemned_at"), migrator.drop_column("bundle", "removed_at")
    )
