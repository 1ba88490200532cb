"""What secrets need to reach nodes: their public keys, challenges at registration, data keys wrapped for them."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, IntegerField, Model


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("node", "signing_key", CharField(max_length=64, null=True, unique=True)),
        migrator.add_column("node", "sealing_key", CharField(max_length=64, null=True, unique=True)),
    )

    class Challenge(Model):
        token_sha256 = CharField(max_length=64)
        sealing_key = CharField(max_length=64)
        answer_sha256 = CharField(max_length=64)
        expires_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "challenge"
            indexes = ((("token_sha256", "sealing_key"), True),)

    class WrappedKey(Model):
        node = CharField(max_length=63)
        name = CharField(max_length=63)
        version = IntegerField()
        wrapped = CharField(max_length=107)

        class Meta:
            database = db
            table_name = "wrapped_key"
            indexes = ((("node", "name", "version"), True),)

    db.create_tables([Challenge, WrappedKey])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_table("wrapped_key"),
        migrator.drop_table("challenge"),
        migrator.drop_column("node", "sealing_key"),
        migrator.drop_column("node", "signing_key"),
    )
