"""A connection reaches its own projects and nobody else's, even where the configuration would allow the mistake."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.installation import Connection, Installation, KeyUris, Organization, Project
from webhooks.held import HeldSecrets
from webhooks.problems import Problem
from webhooks.receiving import Receiving, projects_of

KEYS = KeyUris(("file:b",), ("file:p",), ("file:c",), ("file:r",))


def project(organization: str, slug: str, connection: str | None) -> Project:
    return Project(slug, organization, slug, f"https://host/{slug}", "", "", "main", connection)


def connection(organization: str, slug: str, forge: str = "github") -> Connection:
    return Connection(slug, organization, forge, ("env:SECRET",), None)


INSTALLATION = Installation(
    organizations=(
        Organization(
            "acme",
            "Acme",
            KEYS,
            (
                project("acme", "shop", "origin"),
                project("acme", "blog", "mirror"),
                project("acme", "wiki", None),
            ),
            (connection("acme", "origin"), connection("acme", "mirror"), connection("acme", "lab", "gitlab")),
        ),
        Organization("other", "Other", KEYS, (project("other", "far", "origin"),), ()),
    )
)


class Installed:
    folder = Path("/nowhere")

    def current(self) -> Installation:
        return INSTALLATION


def test_projects_of_a_connection_are_those_that_name_it_in_its_own_organization() -> None:
    found = projects_of(INSTALLATION, connection("acme", "origin"))
    assert [project.slug for project in found] == ["shop"]


def test_a_connection_of_another_forge_is_not_authentic_here() -> None:
    def fail(*arguments: Any) -> None:
        raise AssertionError("went on")

    receiving = Receiving(
        installed=Installed(),  # type: ignore[arg-type]
        secrets=HeldSecrets({"SECRET": "secret"}),
        wake=lambda: None,
        now=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        ready=lambda: fail(),
    )
    body = b'{"ref": "refs/heads/main"}'
    headers = {
        "X-Hub-Signature-256": "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest(),
        "X-GitHub-Delivery": "d",
        "X-GitHub-Event": "push",
    }
    with pytest.raises(AssertionError, match="went on"):
        receiving.receive("github", "origin", headers, body)
    with pytest.raises(Problem) as caught:
        receiving.receive("github", "lab", headers, body)
    assert caught.value.status == 401
