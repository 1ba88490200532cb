"""The table of what was found when published bundles were rebuilt. `models` lists it among all tables."""

from __future__ import annotations

from peewee import AutoField, CharField, TextField

from reconciler.db.table import DocumentField, InstantField, Table


class Reproduction(Table):
    """How rebuilding a bundle from its commit ended the last time.

    `outcome` is a word of `reconciler.flows.reproduction.Verdict`, or `damaged` when the object store does not have the
    bundle as it should. `details` names the files that differ. `compiler` is the one that tried; `identical_at` is when
    the same bytes last came out.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    digest = CharField(71)
    outcome = CharField(15)
    because = TextField()
    details = DocumentField(default=list)
    compiler = CharField(63)
    checked_at = InstantField()
    identical_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project", "digest"), True),)
