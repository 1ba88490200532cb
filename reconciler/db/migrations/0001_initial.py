"""The first tables."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Receipt(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63, default="")
        connection = CharField(max_length=63)
        delivery = CharField(max_length=200)
        event = CharField(max_length=63)
        repository = TextField(default="")
        refs = TextField()
        body_sha256 = CharField(max_length=64)
        received_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "receipt"
            indexes = ((("organization", "connection", "delivery"), True),)

    db.create_tables([Receipt])

    class Work(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        kind = CharField(max_length=31)
        subject = CharField(max_length=127, default="")
        wanted = BigIntegerField(default=0)
        done = BigIntegerField(default=0)
        due_at = BigIntegerField(index=True, null=True)
        attempts = IntegerField(default=0)
        holder = CharField(max_length=127, default="")
        fence = BigIntegerField(default=0)
        leased_until = BigIntegerField(null=True)
        outcome = CharField(max_length=31, default="")
        reason = TextField(default="")
        finished_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "work"
            indexes = ((("organization", "project", "kind", "subject"), True),)

    db.create_tables([Work])

    class Commit(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        sha = CharField(max_length=64)
        parent = CharField(max_length=64, default="")
        position = BigIntegerField()
        author_name = TextField()
        author_email = TextField()
        authored_at = BigIntegerField()
        subject = TextField()
        seen_at = BigIntegerField()
        state = CharField(max_length=15)
        reason = TextField(default="")
        digest = CharField(max_length=71, default="")
        findings = TextField(default="")
        policies = TextField(default="")

        class Meta:
            database = db
            table_name = "commit"
            indexes = (
                (("organization", "project", "sha"), True),
                (("organization", "project", "position"), False),
            )

    db.create_tables([Commit])

    class Bundle(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        digest = CharField(max_length=71)
        length = BigIntegerField()
        blob_sha256 = CharField(max_length=64)
        blob_length = BigIntegerField()
        commit = CharField(max_length=64)
        compiler = CharField(max_length=63)
        created_at = BigIntegerField()
        environments = TextField()

        class Meta:
            database = db
            table_name = "bundle"
            indexes = ((("organization", "project", "digest"), True),)

    db.create_tables([Bundle])

    class Environment(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        name = CharField(max_length=63)
        position = IntegerField()
        head = CharField(max_length=64, default="")
        sequence = BigIntegerField(default=0)
        rollout = CharField(max_length=63, default="")
        view = TextField(default="")
        stalled_code = CharField(max_length=15, default="")
        stalled_message = TextField(default="")
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "environment"
            indexes = ((("organization", "project", "name"), True),)

    db.create_tables([Environment])

    class Release(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        sha = CharField(max_length=64)
        height = BigIntegerField()
        subject = TextField()
        body = TextField(default="")
        trailers = TextField(default="")
        author_name = TextField()
        author_email = TextField()
        committed_at = BigIntegerField()
        ours = BooleanField()

        class Meta:
            database = db
            table_name = "release"
            indexes = (
                (("organization", "project", "environment", "sha"), True),
                (("organization", "project", "environment", "height"), False),
            )

    db.create_tables([Release])

    class Rollout(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        name = CharField(max_length=63)
        digest = CharField(max_length=71)
        previous = CharField(max_length=71, default="")
        strategy = CharField(max_length=31)
        state = CharField(max_length=15)
        because = TextField(default="")
        view = TextField(default="")
        opened_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "rollout"
            indexes = ((("organization", "project", "environment", "name"), True),)

    db.create_tables([Rollout])

    class Pointer(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        cohort = CharField(max_length=63)
        sequence = BigIntegerField()
        digest = CharField(max_length=71)
        envelope = TextField()
        etag = CharField(max_length=64)
        issued_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "pointer"
            indexes = ((("organization", "project", "environment", "cohort"), True),)

    db.create_tables([Pointer])

    class JoinToken(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        token_sha256 = CharField(unique=True, max_length=64)
        note = TextField(default="")
        created_at = BigIntegerField()
        expires_at = BigIntegerField(null=True)
        uses_left = IntegerField(null=True)
        revoked_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "join_token"

    db.create_tables([JoinToken])

    class Node(Model):
        id = CharField(primary_key=True, max_length=63)
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        environment = CharField(max_length=63)
        name = CharField(max_length=127)
        labels = TextField(default="")
        key_sha256 = CharField(max_length=64)
        registered_at = BigIntegerField()
        retired_at = BigIntegerField(null=True)
        changed_at = BigIntegerField(index=True)
        reported_at = BigIntegerField(null=True)
        boot_id = CharField(max_length=63, default="")
        counter = BigIntegerField(default=0)
        running = CharField(max_length=71, default="")
        running_since = BigIntegerField(null=True)
        config_id = CharField(max_length=16, default="")
        delivered = CharField(max_length=71, default="")
        sequence = BigIntegerField(default=0)
        health = CharField(max_length=15, default="unknown")
        health_reason = TextField(default="")
        health_since = BigIntegerField(null=True)
        refusal = TextField(null=True)
        versions = TextField(default="")
        address = CharField(max_length=63, default="")

        class Meta:
            database = db
            table_name = "node"
            indexes = (
                (("organization", "project", "environment", "registered_at"), False),
                (("organization", "project", "environment", "name"), False),
            )

    db.create_tables([Node])

    class Event(Model):
        organization = CharField(max_length=63)
        project = CharField(max_length=63)
        kind = CharField(max_length=63)
        subject = CharField(max_length=127, default="")
        message = TextField(default="")
        details = TextField(default="")
        at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "event"
            indexes = ((("organization", "project", "id"), False),)

    db.create_tables([Event])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_table("event"))
    migrator.migrate(migrator.drop_table("node"))
    migrator.migrate(migrator.drop_table("join_token"))
    migrator.migrate(migrator.drop_table("pointer"))
    migrator.migrate(migrator.drop_table("rollout"))
    migrator.migrate(migrator.drop_table("release"))
    migrator.migrate(migrator.drop_table("environment"))
    migrator.migrate(migrator.drop_table("bundle"))
    migrator.migrate(migrator.drop_table("commit"))
    migrator.migrate(migrator.drop_table("work"))
    migrator.migrate(migrator.drop_table("receipt"))
