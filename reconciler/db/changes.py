"""The table of changes that somebody asked for over the JSON interface. `models` lists it among all tables."""

from __future__ import annotations

from peewee import CharField, TextField

from reconciler.db.table import DocumentField, InstantField, Table


class Change(Table):
    """A change of an environment or of trunk, which is a commit that a worker makes in the name of who asked.

    `content` is what is to be written, until the change has ended: what was refused is not kept. `result` is what there
    is to tell beside the message: findings, both sides of a conflict, where a resource stands now. `environment` is
    empty for a change of trunk.

    `state`: `asked`, `committed`, `unchanged` (it was so already), `refused` (`code` and `message` say why).

    `tried`: the commits that a worker was about to push for it, each followed by a space. `author_name` and
    `author_email` are of the commit. `idempotency` is what the caller called the request, null when it did not; one
    caller gives each name once.
    """

    id = CharField(63, primary_key=True)
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    operation = CharField(31)
    body = DocumentField(default=dict)
    content = TextField(default="")
    person = CharField(63)
    author_name = CharField(100)
    author_email = CharField(160)
    idempotency = CharField(100, null=True)
    state = CharField(15, default="asked")
    commit = CharField(64, default="")
    tried = TextField(default="")
    code = CharField(15, default="")
    message = TextField(default="")
    result = DocumentField(default=dict)
    asked_at = InstantField()
    ended_at = InstantField(null=True)

    class Meta:
        indexes = (
            (("organization", "project", "asked_at"), False),
            (("person", "idempotency"), True),
        )
