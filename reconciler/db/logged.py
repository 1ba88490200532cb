"""The tables of what was signed of an organization's log, and of who saw another one. `models` lists them among all."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, CharField, TextField

from reconciler.db.table import InstantField, Table


class LogCheckpoint(Table):
    """A checkpoint of an organization's log that was signed, in its short form: one a size in each epoch of the root.

    It is remembered so that nothing else is ever signed for that size, and nothing that does not extend it.
    """

    id = AutoField()
    organization = CharField(63)
    epoch = BigIntegerField()
    size = BigIntegerField()
    checkpoint = CharField(160)
    signed_at = InstantField()

    class Meta:
        indexes = (
            (("organization", "epoch", "size"), True),
            (("organization", "checkpoint"), False),
        )


class LogAlarm(Table):
    """A checkpoint that somebody saw and that the log does not begin with: entries were changed, or taken away.

    `source` is `node`, `branch`, `clone` or `log` (our own record of what was signed); `subject` and `name` say which.
    `seen` and `ours` are checkpoints in the short form. It stays until a person acknowledges it.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    source = CharField(15)
    subject = CharField(127)
    name = CharField(127)
    seen = CharField(160)
    ours = CharField(160)
    reason = TextField()
    raised_at = InstantField()
    acknowledged_at = InstantField(null=True)
    acknowledged_because = TextField(default="")

    class Meta:
        indexes = ((("organization", "project", "source", "subject", "seen"), True),)
