"""A root that expires soon needs attention, on the pages and for monitors."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from reconciler.db.models import PublishedRoot
from reconciler.db.session import writing
from tests.unit.pages.sample_project import NOW
from web.pages.roots import notices, samples


def expiring(at: datetime) -> PublishedRoot:
    return PublishedRoot(organization="acme", version=3, epoch=1, expires_at=at, noted_at=NOW)


@pytest.mark.parametrize(
    ("left", "title", "tone"),
    [
        (timedelta(days=30, seconds=1), None, None),
        (timedelta(days=30), "Root 3 expires in 30 days", "hold"),
        (timedelta(days=1), "Root 3 expires in 1 day", "hold"),
        (timedelta(seconds=1), "Root 3 expires in less than a day", "hold"),
        (timedelta(0), "Root 3 has expired", "stop"),
        (timedelta(days=-9), "Root 3 has expired", "stop"),
    ],
)
def test_thirty_days_before_it_is_said(left: timedelta, title: str | None, tone: str | None) -> None:
    found = list(notices(expiring(NOW + left), now=NOW))
    assert [(notice.title, notice.tone) for notice in found] == ([] if title is None else [(title, tone)])
    assert all("sentinelctl keys rotate --publish" in notice.message for notice in found)


def test_before_the_clock_has_seen_a_root_nothing_is_said() -> None:
    assert list(notices(None, now=NOW)) == []
    assert list(samples("acme", None)) == []


def test_pages_and_metrics_say_it(client: FlaskClient) -> None:
    assert "sentinel_root_version" not in client.get("/metrics").text
    with writing():
        expiring(NOW + timedelta(days=9)).save(force_insert=True)
    assert "Root 3 expires in 9 days" in client.get("/o/acme/p/shop/").text
    text = client.get("/metrics").text
    ends = int((NOW + timedelta(days=9)).timestamp())
    assert 'sentinel_root_version{organization="acme"} 3' in text
    assert f'sentinel_root_not_after_seconds{{organization="acme"}} {ends}' in text
