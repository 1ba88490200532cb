"""The way out of an installation, as `control-plane.kdl` says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from reconciler.config.egress import EgressRules
from reconciler.config.installation import Installation, KeyUris, Organization, Project
from reconciler.egress.addresses import refusal
from reconciler.errors import Stalled
from reconciler.flows.context import Context
from reconciler.settings import read_settings
from reconciler.store.filesystem import FileStore
from tests.unit.config.issuing import issue


def context(folder: Path, rules: EgressRules, **environ: str) -> Context:
    project = Project("shop", "acme", "Shop", "http://127.0.0.1/x.git", "", "", "main", None)
    organization = Organization("acme", "Acme", KeyUris((), (), ()), (project,), ())
    settings = read_settings({"SENTINEL_HOME": str(folder)})
    return Context(
        settings,
        Installation((organization,), rules),
        organization,
        project,
        environ,
        FileStore(folder / "o"),
    )


def test_what_is_allowed_may_be_asked(tmp_path: Path) -> None:
    found = context(tmp_path, EgressRules(("10.0.0.0/8", "::1"))).egress()
    assert found.allowed == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert refusal(ip_address("10.1.2.3"), found.allowed) == ""
    assert found.trust == ""
    assert context(tmp_path, EgressRules()).egress().allowed == ()


def test_certificates_are_read_from_a_file_or_the_environment(tmp_path: Path) -> None:
    pem = issue("Test CA", ca=True, begins=datetime.now(UTC) - timedelta(days=1)).pem
    (tmp_path / "ca.pem").write_bytes(pem)
    assert context(tmp_path, EgressRules(trust="file:ca.pem")).egress().trust == pem.decode()
    named = context(tmp_path, EgressRules(trust="env:CA"), CA=pem.decode())
    assert named.egress().trust == pem.decode()


@pytest.mark.parametrize("uri", ["file:missing.pem", "file:empty.pem", "file:other.pem", "env:CA"])
def test_certificates_that_cannot_be_used(tmp_path: Path, uri: str) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "other.pem").write_bytes(b"\xff no certificate")
    with pytest.raises(Stalled) as raised:
        context(tmp_path, EgressRules(trust=uri)).egress()
    assert raised.value.code == "E-EGR-006"
    assert uri in raised.value.message
