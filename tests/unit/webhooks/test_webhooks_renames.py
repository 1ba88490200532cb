"""A repository that the forge calls something else now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.db import session
from reconciler.db.models import Event
from tests.forges.dialects import DIALECTS, bitbucket, bitbucket_data_center, github, gitlab
from tests.forges.dialects.speaking import Delivery, Repo
from tests.unit.webhooks.receiving_world import REPO, World, owed, receipts

NOW_CALLED = Repo("acme/store", clone_url="https://forge.example/acme/store.git")
RENAMES: dict[str, Delivery] = {
    "github": github.delivery(
        "repository",
        "d-1",
        {
            "action": "renamed",
            "changes": {"repository": {"name": {"from": "shop"}}},
            "repository": github.repository(NOW_CALLED),
        },
    ),
    "gitlab": gitlab.delivery(
        "System Hook",
        "d-1",
        {
            "event_name": "project_rename",
            "path_with_namespace": "acme/store",
            "old_path_with_namespace": "acme/shop",
        },
    ),
    "bitbucket": bitbucket.delivery(
        "repo:updated",
        "d-1",
        {
            "repository": bitbucket.repository(NOW_CALLED),
            "changes": {"full_name": {"old": "acme/shop", "new": "acme/store"}},
        },
    ),
    "bitbucket-data-center": bitbucket_data_center.delivery(
        "repo:modified",
        "d-1",
        {
            "old": bitbucket_data_center.repository(REPO),
            "new": bitbucket_data_center.repository(NOW_CALLED),
        },
    ),
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(tmp_path / "home", monkeypatch)
    session.disconnect()


@pytest.mark.parametrize("label", RENAMES)
def test_people_are_told_what_to_correct(world: World, label: str) -> None:
    answer = world.send(DIALECTS[label], RENAMES[label])
    assert answer.status_code == 202
    assert owed() == [(label, "repository", "")]
    with session.reading():
        (event,) = Event.select()
    assert (event.project, event.kind) == (label, "repository.renamed")
    assert event.message.lower().startswith(
        "the forge calls the repository 'acme/store' now; correct `repository`"
    )
    assert [receipt.repository.lower() for receipt in receipts()] == ["acme/store"]


def test_a_repository_that_was_given_away_is_told_of_too(world: World) -> None:
    document: dict[str, Any] = {
        "action": "transferred",
        "changes": {"owner": {"from": {"organization": {"login": "acme"}}}},
        "repository": github.repository(Repo("other/shop", clone_url="https://forge.example/other/shop.git")),
    }
    assert world.send(DIALECTS["github"], github.delivery("repository", "d-1", document)).status_code == 202
    assert owed() == [("github", "repository", "")]


def test_a_rename_of_something_else_asks_for_nothing(world: World) -> None:
    document = {
        "action": "renamed",
        "changes": {"repository": {"name": {"from": "blog"}}},
        "repository": github.repository(NOW_CALLED),
    }
    answer = world.send(DIALECTS["github"], github.delivery("repository", "d-1", document))
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ignored")
    assert owed() == []
