"""What is told of the configuration in a bundle: `reconciler.outline` says what it holds, the trunk flow writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from peewee import AutoField, CharField, TextField

from reconciler.db.table import InstantField, Table

LARGEST = 8 * 1024 * 1024
"""Characters of one outline; a larger one is not kept, and its page says so."""


class ConfigurationOutline(Table):
    """The outline of one environment in a bundle, as JSON text. `commit` is the newest one that compiled to it, in
    which the files are that it names."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    digest = CharField(71)
    commit = CharField(64)
    document = TextField()
    noted_at = InstantField()

    class Meta:
        table_name = "configuration_outline"
        indexes = ((("organization", "project", "digest", "environment"), True),)


def record_outlines(
    organization: str,
    project: str,
    digest: str,
    commit: str,
    outlines: Mapping[str, bytes],
    *,
    now: datetime,
) -> None:
    """Write the outlines of a bundle. Call inside a transaction."""
    for environment, text in outlines.items():
        document = text.decode()
        if len(document) > LARGEST:
            continue
        ConfigurationOutline.insert(
            organization=organization,
            project=project,
            environment=environment,
            digest=digest,
            commit=commit,
            document=document,
            noted_at=now,
        ).on_conflict(
            conflict_target=[
                ConfigurationOutline.organization,
                ConfigurationOutline.project,
                ConfigurationOutline.digest,
                ConfigurationOutline.environment,
            ],
            update={
                ConfigurationOutline.commit: commit,
                ConfigurationOutline.document: document,
                ConfigurationOutline.noted_at: now,
            },
        ).execute()


def outlined(organization: str, project: str) -> dict[str, str]:
    """The bundles of a project that have outlines, each with the commit that these are about."""
    rows = ConfigurationOutline.select(ConfigurationOutline.digest, ConfigurationOutline.commit).where(
        ConfigurationOutline.organization == organization, ConfigurationOutline.project == project
    )
    return {row.digest: row.commit for row in rows}


def forget_outlines(organization: str, project: str, *, kept: Collection[str]) -> None:
    """Remove the outlines of all bundles of a project but those. Call inside a transaction."""
    ConfigurationOutline.delete().where(
        ConfigurationOutline.organization == organization,
        ConfigurationOutline.project == project,
        ConfigurationOutline.digest.not_in(sorted(kept)),
    ).execute()
