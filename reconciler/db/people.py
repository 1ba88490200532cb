"""The tables of people, of how they are signed in, and of API keys. `models` lists them among all tables.

Nothing here lets anybody in: of passwords, session tokens and keys only hashes are kept. What a person may do stands in
`control-plane.kdl`, by the e-mail address; only `everywhere` is kept here.
"""

from __future__ import annotations

from peewee import AutoField, CharField, IntegerField, TextField

from reconciler.db.table import DocumentField, InstantField, Table


class Person(Table):
    """An account. `everywhere` is `admin` for who may do everything in every organization, else empty.

    `password_hash` is Argon2id in its own text form, null for an account that signs in in another way alone.
    """

    id = CharField(63, primary_key=True)
    email = CharField(160, unique=True)
    name = CharField(100)
    password_hash = TextField(null=True)
    everywhere = CharField(15, default="")
    created_at = InstantField()
    password_at = InstantField(null=True)
    signed_in_at = InstantField(null=True)
    disabled_at = InstantField(null=True)


class SignIn(Table):
    """One session of a person in one browser. `way` is how the person was recognised, such as `password`."""

    id = AutoField()
    token_sha256 = CharField(64, unique=True)
    person = CharField(63, index=True)
    way = CharField(31)
    address = CharField(63, default="")
    agent = CharField(200, default="")
    begun_at = InstantField()
    seen_at = InstantField()
    ends_at = InstantField()
    ended_at = InstantField(null=True)


class ApiKey(Table):
    """What a program of a person signs in with. It may do what its `scopes` say, and never more than its person.

    `project` is empty for all projects of the organization. `hint` is the beginning of the key, for recognising it.
    """

    id = CharField(63, primary_key=True)
    organization = CharField(63)
    project = CharField(63, default="")
    person = CharField(63, index=True)
    name = CharField(100)
    token_sha256 = CharField(64, unique=True)
    hint = CharField(15)
    scopes = DocumentField(default=list)
    created_at = InstantField()
    expires_at = InstantField()
    used_at = InstantField(null=True)
    used_from = CharField(63, default="")
    revoked_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project"), False),)


class SignInAttempts(Table):
    """How often somebody tried to sign in lately. `subject` is a hash of an address, an account, or both."""

    subject = CharField(64, primary_key=True)
    count = IntegerField()
    last_at = InstantField(index=True)
    blocked_until = InstantField(null=True)


class WebSecret(Table):
    """A random value that all web processes share, such as the one that form tokens are signed with."""

    name = CharField(31, primary_key=True)
    value = CharField(64)


PEOPLE: tuple[type[Table], ...] = (Person, SignIn, ApiKey, SignInAttempts, WebSecret)
