"""What is known of the risk of bundles: see `reconciler.flows.risks`, which writes it."""

from __future__ import annotations

from peewee import AutoField, CharField

from reconciler.db.table import DocumentField, InstantField, Table


class Risk(Table):
    """How dangerous it is to bring an environment from the bundle `against`, which is empty for nothing, to `digest`.

    `level` is `low`, `medium`, `high` or `critical`, or `unknown` when it could not be judged; `reasons` are as
    `Reason.to_json`, the worst first. `changes` counts what is removed, changed and added, and `difference` tells the
    first of them, as `Change.to_json`, deletions first.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    digest = CharField(71)
    against = CharField(71, default="")
    level = CharField(15)
    reasons = DocumentField(default=list)
    changes = DocumentField(default=dict)
    difference = DocumentField(default=list)
    judged_at = InstantField()

    class Meta:
        indexes = ((("organization", "project", "environment", "digest", "against"), True),)
