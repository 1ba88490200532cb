"""People, their sessions and their API keys."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Person(Model):
        id = CharField(max_length=63, primary_key=True)
        email = CharField(max_length=160, unique=True)
        name = CharField(max_length=100)
        password_hash = TextField(null=True)
        everywhere = CharField(max_length=15, default="")
        created_at = BigIntegerField()
        password_at = BigIntegerField(null=True)
        signed_in_at = BigIntegerField(null=True)
        disabled_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "person"

    class SignIn(Model):
        id = AutoField()
        token_sha256 = CharField(max_length=64, unique=True)
        person = CharField(max_length=63, index=True)
        way = CharField(max_length=31)
        address = CharField(max_length=63, default="")
        agent = CharField(max_length=200, default="")
        begun_at = BigIntegerField()
        seen_at = BigIntegerField()
        ends_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "sign_in"

    class ApiKey(Model):
        id = CharField(max_length=63, primary_key=True)
        organization = CharField(max_length=63)
        project = CharField(max_length=63, default="")
        person = CharField(max_length=63, index=True)
        name = CharField(max_length=100)
        token_sha256 = CharField(max_length=64, unique=True)
        hint = CharField(max_length=15)
        scopes = TextField(default="[]")
        created_at = BigIntegerField()
        expires_at = BigIntegerField()
        used_at = BigIntegerField(null=True)
        used_from = CharField(max_length=63, default="")
        revoked_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "api_key"
            indexes = ((("organization", "project"), False),)

    class SignInAttempts(Model):
        subject = CharField(max_length=64, primary_key=True)
        count = IntegerField()
        last_at = BigIntegerField(index=True)
        blocked_until = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "sign_in_attempts"

    class WebSecret(Model):
        name = CharField(max_length=31, primary_key=True)
        value = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "web_secret"

    db.create_tables([Person, SignIn, ApiKey, SignInAttempts, WebSecret])


def down(migrator: Any, db: Any) -> None:
    migrator.migrate(
        *(
            migrator.drop_table(name)
            for name in ("web_secret", "sign_in_attempts", "api_key", "sign_in", "person")
        )
    )
