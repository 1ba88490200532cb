"""The tables of what forges tell us and of what they did not. `models` lists them among all tables."""

from __future__ import annotations

from datetime import datetime, timedelta

from peewee import AutoField, BigIntegerField, CharField, TextField

from reconciler.db.table import DocumentField, InstantField, Table

ON_ITS_WAY = timedelta(minutes=2)


class Receipt(Table):
    """A webhook delivery, made durable before it is answered.

    `project` is empty: a delivery names a connection, and the connection's repositories may serve several projects.
    `refs` is {full name: {"before", "after"}} as told, commit ids or empty. `place` is the host and path of the
    repository, empty when it is none that we know.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63, default="")
    connection = CharField(63)
    delivery = CharField(200)
    event = CharField(63)
    repository = TextField(default="")
    place = TextField(default="")
    refs = DocumentField()
    body_sha256 = CharField(64)
    received_at = InstantField(index=True)

    class Meta:
        indexes = (
            (("organization", "connection", "delivery"), True),
            (("organization", "connection", "id"), False),
        )


class Repository(Table):
    """The branches of a repository as they were when it was last looked at: {full name: commit id}.

    `receipt` is the newest receipt that this look has taken into account. `version` rises with every look that found
    something, and a look writes only over the version that it began with.
    """

    id = AutoField()
    organization = CharField(63)
    connection = CharField(63, default="")
    url = TextField()
    refs = DocumentField(default=dict)
    receipt = BigIntegerField(default=0)
    version = BigIntegerField(default=0)
    looked_at = InstantField()

    class Meta:
        indexes = ((("organization", "connection", "url"), True),)


class Gap(Table):
    """A branch that went from `before` to `after` (commit ids, empty for none) without a delivery that says so.

    `guess` is why, for people. `explained_at` is when a late delivery told of it after all, or of the rest of it.
    """

    id = AutoField()
    organization = CharField(63)
    connection = CharField(63)
    url = TextField()
    ref = TextField()
    before = CharField(64)
    after = CharField(64)
    guess = TextField()
    found_at = InstantField(index=True)
    explained_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "connection", "explained_at"), False),)

    def state(self, now: datetime) -> str:
        """For people: a forge may deliver some time after the sweep has seen what moved."""
        if self.explained_at is not None:
            return "told late"
        return "perhaps on its way" if now - self.found_at < ON_ITS_WAY else "lost"
