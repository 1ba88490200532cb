"""How webhooks fare, as their forges say. `models` lists the table among all."""

from __future__ import annotations

from peewee import AutoField, CharField, TextField

from reconciler.db.table import InstantField, Table


class Webhook(Table):
    """The webhook of one repository, as its forge had it when it was asked last. `trouble` is empty for nothing."""

    id = AutoField()
    organization = CharField(63)
    connection = CharField(63)
    url = CharField(1000)
    trouble = TextField(default="")
    seen_at = InstantField()

    class Meta:
        indexes = ((("organization", "connection", "url"), True),)
