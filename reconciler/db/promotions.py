"""The promotions that are pull requests into the branches of environments. Git and the forge have what is true of
them; here stands what was seen last, and what the environment says of it."""

from __future__ import annotations

from peewee import AutoField, CharField, IntegerField, TextField

from reconciler.db.table import InstantField, Table


class Promotion(Table):
    """A branch that asks for `digest`, of which `head` was seen last.

    `number` is that of its pull request, 0 before it has one; `before` that of an earlier one of the same branch, which
    has ended. `fate` is what becomes of it, as `release.pull_requests` has it; `code` and `message` are why.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    branch = CharField(180)
    digest = CharField(71)
    head = CharField(64)
    number = IntegerField(default=0)
    before = IntegerField(default=0)
    fate = CharField(15, default="waits")
    code = CharField(15, default="")
    message = TextField(default="")
    changed_at = InstantField()

    class Meta:
        indexes = ((("organization", "project", "branch"), True),)
