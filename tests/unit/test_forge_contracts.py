"""What each forge's API says, read over real HTTP from a forge that speaks as its documentation has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pygit2.enums import CredentialType

from reconciler.config.egress import EgressRules
from reconciler.config.installation import App, Connection, Installation
from reconciler.egress.asking import Egress
from reconciler.errors import Stalled, Transient
from reconciler.flows import context
from reconciler.flows.context import credentials_of
from reconciler.flows.pulls.reviewing import same
from reconciler.forge import FORGES, request
from reconciler.forge.app import Tokens
from reconciler.forge.calling import Api
from reconciler.forge.reports import Annotation, Deployment, Report
from reconciler.git.identity import Credentials
from reconciler.git.transport import Callbacks
from tests.forges import server as forges
from tests.forges.server import Fault, Reviewed, serving_api

FAILURE = {"github": "failure", "gitlab": "failed"}
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
NAME = "acme/shop"
EACH = pytest.mark.parametrize("kind", sorted(forges.ROUTES))


@contextmanager
def talking(kind: str) -> Iterator[tuple[forges.Forge, Api, Callable[..., Any]]]:
    """A forge, its API, and what sends it a request."""
    with serving_api(kind, NAME) as (forge, address):
        api = Api(FORGES[kind], address, Egress((ip_network("127.0.0.0/8"),), ""), forges.USER, forges.TOKEN)
        yield forge, api, lambda request, read: api.ask(request, read, now=NOW)


@pytest.mark.parametrize(
    ("kind", "states"),
    [("github", ["in_progress", "success", "success"]), ("gitlab", ["running", "success"])],
)
def test_a_deployment_is_made_once_and_goes_on(kind: str, states: list[str]) -> None:
    told = Deployment(
        "production", "a" * 40, "main", "pending", "on its way", "https://x.example", "sentinel:eu"
    )
    with talking(kind) as (forge, api, ask):
        assert api.forge.deploy is not None
        forge.faults = [Fault(lost=True, methods=("POST",))]
        with pytest.raises(Transient):
            api.forge.deploy(ask, NAME, told)
        for one in (told, replace(told, state="success"), replace(told, state="success")):
            api.forge.deploy(ask, NAME, one)
        (found,) = forge.deployments
        assert (found.environment, found.sha, found.states) == ("production", "a" * 40, states)
        api.forge.deploy(ask, NAME, replace(told, sha="b" * 40, state="failure"))
        assert [one.states[-1] for one in forge.deployments] == ["success", FAILURE[kind]]


@pytest.fixture(scope="module")
def app_key() -> tuple[bytes, bytes]:
    """A private key and its public half, as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_an_app_gets_a_token_that_lasts_and_another_before_it_ends(
    app_key: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with talking("github") as (forge, api, _):
        forge.app = app_key[1]
        tokens = Tokens()

        def token(key: bytes, now: datetime) -> str:
            forge.clock = now
            return tokens.token(api.address, "42", "7", key=lambda: key, egress=api.egress, now=now)

        with pytest.raises(Stalled, match="E-FRG-041") as caught:
            token(b"-----BEGIN nothing that anybody should see", NOW)
        assert "anybody" not in str(caught.value)
        assert [token(app_key[0], NOW + timedelta(minutes=n)) for n in (0, 49, 51, 100)] == [
            "ghs_0",
            "ghs_0",
            "ghs_1",
            "ghs_1",
        ]
        other = rsa.generate_private_key(65537, 2048)
        wrong = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(Stalled, match="E-FRG-011"):
            token(wrong, NOW + timedelta(minutes=200))
        shown = f"{tokens!r} {caplog.text}"
        assert "ghs_" not in shown
        assert "BEGIN" not in shown


def test_a_token_that_is_refused_is_forgotten(
    app_key: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with talking("github") as (forge, api, _):
        forge.app = app_key[1]
        connection = Connection(
            "origin", "acme", "github", (), None, api.address, app=App("42", "7", "env:KEY")
        )
        installation = Installation((), EgressRules(("127.0.0.0/8",)))
        monkeypatch.setattr(context, "TOKENS", Tokens())

        def credentials() -> Credentials:
            environ = {"KEY": app_key[0].decode()}
            found = credentials_of(installation, connection, folder=Path(), environ=environ, now=NOW)
            assert found is not None
            return found

        first = credentials()
        asking = replace(api, token=first.token, expired=first.expired)
        for status, kind in ((403, Stalled), (404, Stalled), (401, Transient)):
            assert credentials().token == first.token == "ghs_0"
            forge.faults = [Fault(status)]
            with pytest.raises(kind):
                asking.send(request.Request("GET", "/user"), now=NOW)
        # What is refused late is no reason to forget the one that took its place.
        assert credentials().token == "ghs_1"
        first.expired()
        second = credentials()
        assert second.token == "ghs_1"
        callbacks = Callbacks("https://git.example/shop.git", second)
        callbacks.credentials("", None, CredentialType.USERPASS_PLAINTEXT)
        with pytest.raises(Stalled, match="E-GIT-003"):
            callbacks.credentials("", None, CredentialType.USERPASS_PLAINTEXT)
        assert credentials().token == "ghs_2"
        assert "ghs_" not in f"{second!r}{asking!r}"


@pytest.mark.parametrize("kind", ["github", "bitbucket", "bitbucket-data-center"])
def test_findings_stand_beside_their_lines(kind: str, app_key: tuple[bytes, bytes]) -> None:
    found = tuple(
        Annotation("a.kdl", n + 1, "error" if n else "warning", "E-KND-002", "no") for n in range(120)
    )
    told = Report(
        "a" * 40, "sentinel/eu/shop/findings", False, "120 errors", "https://x.example", "1" * 64, found
    )
    most = {"github": 50, "bitbucket": 100, "bitbucket-data-center": 120}[kind]
    with talking(kind) as (forge, api, ask):
        assert api.forge.annotate is not None
        forge.app = app_key[1]
        for _ in range(2):
            api.forge.annotate(ask, NAME, told)
        (report,) = forge.reports.values()
        assert (report.good, len(report.lines)) == (False, most)
        assert report.lines[0][:2] == ("a.kdl", 1)
        assert report.lines[0][2] == {"github": "warning"}.get(kind, "MEDIUM")
        mended = replace(told, good=True, annotations=(), id="2" * 64)
        api.forge.annotate(ask, NAME, mended)
        (report,) = forge.reports.values()
        assert (report.good, report.lines) == (True, [])


@EACH
def test_which_approvals_stand_and_of_which_head(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, head, merge = "a" * 40, "b" * 40, "c" * 40
    if kind not in ("github", "bitbucket"):
        # Gitea and Forgejo may be set up to give fewer at once than they are asked for.
        monkeypatch.setitem(forges.PAGE, kind, 30)
    with talking(kind) as (forge, api, ask):
        said = [Reviewed("Bob", "approved", old), Reviewed("Ada", "dismissed", head)]
        said += [Reviewed("Dan", "changes", head), Reviewed("Carol", "approved", head)]
        said += [Reviewed(f"somebody-{n}", "approved", head) for n in range(60)]
        forge.pulls[7] = forges.Pull(head, open=False, merged=merge, reviews=said, history=[old])
        found = {one.account: one.commit for one in api.forge.approvals(ask, NAME, 7)}
        assert {name for name in found if not name.startswith("somebody")} == {"Bob", "Carol"}
        assert len(found) == 62, "on whichever page they are"
        assert same(head, found["Carol"])
        assert not same(head, found["Bob"])
        info = ask(api.forge.pull(NAME, 7), api.forge.read_pull)
        assert same(merge, info.merged)
        assert info.author == "Dan"
        assert ask(api.forge.pulls_of(NAME, merge), api.forge.read_numbers) == [7]
        # It is pointed at another branch, to which its head brings more than they have read.
        if kind in ("github", "gitea", "forgejo", "bitbucket"):
            pull = forge.pulls[8] = replace(forge.pulls[7], retargeted=True)
            assert api.forge.approvals(ask, NAME, 8) == []
            pull.reviews = [*said, Reviewed("Late", "approved", head)]
            assert [one.account for one in api.forge.approvals(ask, NAME, 8)] == ["Late"]
        # What takes an approval back may stand on a page that is not read any more.
        monkeypatch.setattr(request, "MOST_PAGES", 1)
        few = len(api.forge.approvals(ask, NAME, 7))
        assert few == (62 if kind in ("gitlab", "bitbucket-data-center") else 0)
