"""Certificates on their way from a commit into the rows that pages read, at different moments."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.db import session
from reconciler.db.models import Commit
from tests.integration.test_flow_secrets import Sealed, sealed
from tests.integration.test_flow_trunk import git_server, world

__all__ = ["git_server", "sealed", "world"]

LONG_AFTER = datetime(2028, 1, 1, tzinfo=UTC)
"""When the certificates of a repository that was founded in the tests have ended."""


def test_a_bundle_keeps_what_is_told_of_its_certificates(sealed: Sealed) -> None:
    row = sealed.push()
    assert row.findings == []
    (bundle,) = sealed.world.bundles()
    assert set(bundle.certificates) == {"dev", "staging", "production"}
    (one,) = bundle.certificates["production"]
    assert (one["name"], one["hosts"], one["secret"], one["version"], one["used_by"]) == (
        "shop",
        ["shop.example", "www.shop.example"],
        "shop-key",
        1,
        ["listener secure"],
    )
    assert one["expires"].startswith("2027-12-25T")
    assert one["warn_seconds"] == 30 * 86400


def test_time_alone_refuses_no_commit_and_changes_no_digest(sealed: Sealed) -> None:
    first = sealed.push()
    sealed.world.context.now = lambda: LONG_AFTER
    sealed.files["more.kdl"] = b"// a correction of something else\n"
    second = sealed.push()
    assert (second.state, second.digest) == ("compiled", first.digest)
    told = [(one["code"], one["severity"]) for one in second.findings if one["code"] != "W-SEA-001"]
    assert told == [("E-CRT-001", "warning")]
    with session.reading():
        assert [row.state for row in Commit.select()] == ["compiled", "compiled"]
