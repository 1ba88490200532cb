"""Labels that a join token fixes, and what nodes measured."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("join_token", "labels", TextField(default="{}")),
        migrator.add_column("node", "fixed_labels", TextField(default="{}")),
    )

    class NodeCounter(Model):
        node = CharField(max_length=63, primary_key=True)
        life = CharField(max_length=63)
        services = TextField(default="{}")
        at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "node_counter"

    class NodeSignal(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        node = CharField(max_length=63)
        digest = CharField(max_length=71)
        minute = BigIntegerField(index=True)
        requests = BigIntegerField(default=0)
        failed = BigIntegerField(default=0)
        observed = BigIntegerField(default=0)
        buckets = TextField(default="[]")
        services = TextField(default="{}")
        cpu_permille = IntegerField(null=True)
        memory_permille = IntegerField(null=True)
        open_breakers = IntegerField(null=True)

        class Meta:
            database = db
            table_name = "node_signal"
            indexes = ((("node", "minute", "digest"), True),)

    db.create_tables([NodeCounter, NodeSignal])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_table("node_signal"),
        migrator.drop_table("node_counter"),
        migrator.drop_column("node", "fixed_labels"),
        migrator.drop_column("join_token", "labels"),
    )
