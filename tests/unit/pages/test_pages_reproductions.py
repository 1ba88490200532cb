"""Bundles that were rebuilt from their commits, as pages, notices and metrics tell of them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from reconciler.db.evidence import Reproduction
from reconciler.db.live import live_bundles
from reconciler.db.session import writing
from reconciler.flows.reproduction import Verdict
from reconciler.flows.selfcheck import CALM, DAMAGED
from tests.unit.pages.sample_project import NOW, digest
from web.pages.attention import ORDER
from web.pages.words import REPRODUCTIONS

PROJECT = "/o/acme/p/shop/"


@pytest.fixture
def live(client: FlaskClient) -> str:
    """A bundle that some environment has."""
    return min(live_bundles("acme", "shop"))


def rebuilt(wanted: str, outcome: str, **fields: Any) -> None:
    with writing():
        Reproduction.create(
            organization="acme", project="shop", digest=wanted, outcome=outcome, because="Commit abc says so",
            compiler="sentinel-compiler/9.9.9", checked_at=NOW, **fields,
        )  # fmt: skip


def test_every_outcome_has_its_words_and_only_what_is_wrong_needs_attention() -> None:
    assert set(REPRODUCTIONS) == {*Verdict, DAMAGED}
    calm = {key for key, state in REPRODUCTIONS.items() if state.tone not in ORDER}
    assert calm == CALM


def test_a_bundle_that_is_different_is_seen_everywhere(client: FlaskClient, live: str) -> None:
    assert "Not yet. Bundles that" in client.get(f"{PROJECT}bundles/{live}").text
    rebuilt(live, "different", details=["config/dev/sentinel.kdl"], identical_at=NOW)
    page = client.get(f"{PROJECT}bundles/{live}").text
    for said in ("different", "Commit abc says so", "config/dev/sentinel.kdl", "Last found identical"):
        assert said in page
    front = client.get(PROJECT).text
    assert "could not be reproduced: different" in front
    assert "E-RPR-002" in front
    metrics = client.get("/metrics").text
    labels = 'organization="acme",project="shop",outcome='
    assert f'sentinel_bundle_reproductions{{{labels}"different"}} 1' in metrics
    assert f'sentinel_bundle_reproductions{{{labels}"identical"}} 0' in metrics


@pytest.mark.parametrize("outcome", ["identical", "other-compiler"])
def test_what_is_calm_is_said_on_the_bundle_s_page_alone(
    client: FlaskClient, live: str, outcome: str
) -> None:
    rebuilt(live, outcome)
    assert REPRODUCTIONS[outcome].label in client.get(f"{PROJECT}bundles/{live}").text
    assert "could not be reproduced" not in client.get(PROJECT).text


def test_a_bundle_that_nothing_has_any_more_needs_no_attention(client: FlaskClient) -> None:
    assert digest(999) not in live_bundles("acme", "shop")
    rebuilt(digest(999), "different")
    assert "could not be reproduced" not in client.get(PROJECT).text
