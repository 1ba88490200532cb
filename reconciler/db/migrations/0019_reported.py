"""What nodes tell beside their heartbeats."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class NodeBatch(Model):
        id = AutoField()
        node = CharField(max_length=63)
        kind = CharField(max_length=15)
        batch = CharField(max_length=63)
        items = IntegerField()
        at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "node_batch"
            indexes = ((("node", "kind", "batch"), True), (("node", "kind", "at"), False))

    class WafEvent(Model):
        id = AutoField()
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        node = CharField(max_length=63)
        at = BigIntegerField(index=True)
        said_at = BigIntegerField()
        service = CharField(max_length=63, default="")
        rule = CharField(max_length=63)
        category = CharField(max_length=15)
        action = CharField(max_length=15)
        severity = CharField(max_length=15)
        client = CharField(max_length=45, default="")
        method = CharField(max_length=16, default="")
        path = TextField(default="")
        agent = TextField(default="")

        class Meta:
            database = db
            table_name = "waf_event"
            indexes = ((("organization", "project", "at"), False),)

    class RuntimeConfig(Model):
        node = CharField(max_length=63, primary_key=True)
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        config_id = CharField(max_length=16, default="")
        sha256 = CharField(max_length=64)
        document = TextField()
        reported_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "runtime_config"

    db.create_tables([NodeBatch, WafEvent, RuntimeConfig])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.drop_table("runtime_config"),
        migrator.drop_table("waf_event"),
        migrator.drop_table("node_batch"),
    )
