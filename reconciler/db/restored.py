"""The table of what was restored from a backup. `models` lists it among all tables."""

from __future__ import annotations

from peewee import BigIntegerField, CharField

from reconciler.db.table import InstantField, Table


class Restored(Table):
    """An organization whose rows came out of a backup that was made under this epoch of its root. Pointers are signed
    again once there is a root of a higher one."""

    organization = CharField(63, primary_key=True)
    epoch = BigIntegerField()
    made_at = InstantField()
    restored_at = InstantField()
