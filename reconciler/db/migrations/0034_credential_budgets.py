"""What forges still want to hear from each credential, instead of each connection.

`forge_budget` stays for processes of the version before; what it says lasts for minutes.
"""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, Model


def up(migrator: Any, db: Any) -> None:
    class ForgeBudget(Model):
        credential = CharField(max_length=64, unique=True)
        not_before = BigIntegerField(null=True)
        noted_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "credential_budget"

    db.create_tables([ForgeBudget])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("credential_budget"))
