"""Writes down what a verb does to an account, in the organizations that it concerns."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.config.installation import Installation
from reconciler.db.audit import Act, Actor, record
from reconciler.db.people import Person


def here() -> Actor:
    """Whoever runs this command on the control plane's machine."""
    return Actor("machine", getpass.getuser())


def concerned(installation: Installation, email: str, everywhere: str) -> list[str]:
    """The organizations that an account concerns: those it is a member of, or all for one that may do everything.

    An account without any role concerns the installation, which has the slug "".
    """
    found = [
        organization.slug
        for organization in installation.organizations
        if everywhere
        or any(member.email == email for member in organization.members)
        or any(member.email == email for project in organization.projects for member in project.members)
    ]
    return found or [""]


def record_account(
    installation: Installation,
    person: Person,
    action: str,
    *,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write the rows, inside the transaction of the change."""
    for organization in concerned(installation, person.email, person.everywhere):
        record(here(), Act(action, organization, subject=person.email, details=details or {}), now=now)
