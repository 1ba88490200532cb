"""A release for some nodes alone, on the pages that show rollouts."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from reconciler.db.models import Environment, Rollout
from reconciler.db.session import writing
from tests.unit.pages.sample_project import PROJECT


@pytest.fixture
def pages(client: FlaskClient) -> FlaskClient:
    with writing():
        row = Rollout.get(Rollout.environment == "production", Rollout.name == "r-0006")
        row.state, row.view = "partial", {**row.view, "only": "region=eu <west>"}
        row.save()
        environment = Environment.get(Environment.name == "production")
        release = {**environment.view["release"], "only": "region=eu <west>"}
        environment.view = {**environment.view, "release": release}
        environment.save()
    return client


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "for region=eu &lt;west&gt; alone"),
        ("environments/production", '<span class="mono">region=eu &lt;west&gt;</span> alone'),
        (
            "environments/production/rollouts/r-0006",
            '<dt>for</dt><dd><span class="mono">region=eu &lt;west&gt;</span> alone',
        ),
    ],
)
def test_pages_say_for_whom_it_is(pages: FlaskClient, path: str, words: str) -> None:
    page = pages.get(f"/o/acme/p/{PROJECT}/{path}")
    assert page.status_code == 200
    assert words in page.text
    assert "partial" in page.text
