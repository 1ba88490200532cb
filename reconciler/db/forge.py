"""The tables of what is to be told to forges, and of the pull requests it is about. `models` lists them among all."""

from __future__ import annotations

from peewee import AutoField, BooleanField, CharField, IntegerField, TextField

from reconciler.db.table import DocumentField, InstantField, Table


class Pull(Table):
    """A pull request into the trunk of a project, and what was planned of it last.

    `head` and `onto` are the commits that the plan is of, empty before the first; `verdict` and `text` what it came to,
    and `plan` all of it, as `reconciler.plan.summary` has it.
    `concerned`: whether it changes anything of the project.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    number = IntegerField()
    open = BooleanField(default=True)
    concerned = BooleanField(default=True)
    head = CharField(64, default="")
    onto = CharField(64, default="")
    verdict = CharField(15, default="")
    text = TextField(default="")
    plan = DocumentField(default=dict)
    planned_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project", "number"), True),)


class Outgoing(Table):
    """Something that a forge is to be told: written with what it tells of, sent later.

    `kind` is `status` (subject: commit and context), `note` (subject: the number of the pull request), `report`
    (subject: commit and name), `deployment` (subject: environment and commit), `proposal` (subject: the branch that a
    pull request is opened for) or `closing` (subject: the number of the pull request); of one subject the newest
    words count. `wanted` is a hash of what is to be said, `sent` of what was said last: equal means done. `remote` is
    the forge's id of a comment, or the number of a pull request. `problem` is why it was given up, until there is
    something else to say.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    kind = CharField(15)
    subject = CharField(200)
    words = DocumentField()
    wanted = CharField(64)
    sent = CharField(64, default="")
    remote = CharField(63, default="")
    problem = TextField(default="")
    changed_at = InstantField()
    sent_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project", "kind", "subject"), True),)


class ForgeBudget(Table):
    """How a credential may use its forge: nothing before `not_before`, and no comment right after another."""

    id = AutoField()
    credential = CharField(64, unique=True)
    not_before = InstantField(null=True)
    noted_at = InstantField(null=True)

    class Meta:
        table_name = "credential_budget"
