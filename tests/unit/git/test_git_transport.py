"""What libgit2 is answered, and what its errors become."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pygit2
import pytest
from pygit2.enums import CredentialType

from reconciler.config.installation import Connection, Installation
from reconciler.errors import ReconcilerError, Stalled, Transient
from reconciler.flows.context import git_credentials
from reconciler.git import transport
from reconciler.git.identity import Credentials
from reconciler.git.remote import remote_refs
from reconciler.git.transport import Callbacks, sanitise, translate
from tests.servers.git_ssh import new_key, private

HTTPS = "https://git.example.com/shop.git"
SSH = "git@git.example.com:shop.git"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PRIVATE_KEY = private(new_key()).strip()


def test_a_host_is_trusted_only_when_it_is_known() -> None:
    # The callback has to exist: without one libgit2's binding takes any ssh host key.
    assert Callbacks.certificate_check is not pygit2.RemoteCallbacks.certificate_check
    assert Callbacks(SSH, None).certificate_check(None, False, b"git.example.com") is False
    assert Callbacks(SSH, None).certificate_check(None, True, b"git.example.com") is True


def test_a_password_is_given_once() -> None:
    callbacks = Callbacks(HTTPS, Credentials("ada", "canary"))
    answer = callbacks.credentials(HTTPS, None, CredentialType.USERPASS_PLAINTEXT)
    assert answer.credential_tuple == ("ada", "canary")
    with pytest.raises(Stalled) as stalled:
        callbacks.credentials(HTTPS, None, CredentialType.USERPASS_PLAINTEXT)
    assert stalled.value.code == "E-GIT-003"
    assert "canary" not in str(stalled.value)


def test_ssh_takes_a_key_from_memory_or_the_agent() -> None:
    keyed = Callbacks(SSH, Credentials("git", PRIVATE_KEY)).credentials(SSH, "git", CredentialType.SSH_KEY)
    assert isinstance(keyed, pygit2.KeypairFromMemory)
    agent = Callbacks(SSH, None).credentials(SSH, "git", CredentialType.SSH_KEY)
    assert isinstance(agent, pygit2.KeypairFromAgent)
    nameless = Callbacks("ssh://git.example.com/x", None).credentials("", None, CredentialType.USERNAME)
    assert isinstance(nameless, pygit2.Username)


@pytest.mark.parametrize(
    "unusable",
    [
        private(new_key("ssh-rsa")),
        private(new_key("ssh-rsa"), "pkcs1-pem"),
        PRIVATE_KEY[:150],
        new_key().export_private_key("pkcs8-pem", "a passphrase").decode(),
        "-----BEGIN CANARY",
        "",
    ],
    ids=["rsa", "rsa in pem", "cut", "passphrase", "no key", "empty"],
)
def test_a_private_key_that_would_end_badly_is_not_passed_on(unusable: str) -> None:
    with pytest.raises(Stalled) as stalled:
        Callbacks(SSH, Credentials("git", unusable, ())).credentials(SSH, "git", CredentialType.SSH_KEY)
    assert stalled.value.code == "E-GIT-032"
    said = f"{stalled.value}{stalled.value.cure}"
    assert not [line for line in unusable.splitlines()[1:] if line in said]
    assert "CANARY" not in said


def test_an_endless_pack_is_stopped() -> None:
    callbacks = Callbacks(HTTPS, None)
    callbacks.transfer_progress(SimpleNamespace(received_bytes=10, total_objects=10))
    for stats in ((transport.MAX_RECEIVED_BYTES + 1, 1), (1, transport.MAX_OBJECTS + 1)):
        with pytest.raises(Stalled) as stalled:
            callbacks.transfer_progress(SimpleNamespace(received_bytes=stats[0], total_objects=stats[1]))
        assert stalled.value.code == "E-GIT-007"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (pygit2.AuthError("x"), Stalled, "E-GIT-003"),
        (pygit2.CertificateError("x"), Stalled, "E-GIT-005"),
        (pygit2.GitError("authentication required: failed to update ref"), Transient, "E-GIT-006"),
        (OSError("x"), Transient, "E-GIT-006"),
    ],
)
def test_an_error_is_judged_by_its_class_alone(
    error: Exception, kind: type[ReconcilerError], code: str
) -> None:
    found = translate(error, "fetching from", "https://ada:canary@git.example.com/shop.git")
    assert (type(found), found.code) == (kind, code)
    assert "canary" not in str(found)
    assert "git.example.com/shop.git" in found.message


def test_a_server_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_MILLISECONDS", 300)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(Transient):
            remote_refs(f"http://127.0.0.1:{silent.getsockname()[1]}/x.git", None)


def test_the_forges_words_fit_on_a_line() -> None:
    assert sanitise("remote: error: no\r\n\r\n  \x1b[1mreally\x1b[0m\tnot\x07 \n") == "error: no / really not"
    assert len(sanitise("x" * 10_000)) == transport.MAX_WORDS
    assert sanitise("") == ""


def test_over_ssh_no_host_is_trusted_without_an_ssh_block(tmp_path: Path) -> None:
    connection = Connection("origin", "acme", "gitlab", (), "env:TOKEN")
    for one in (None, connection):
        with pytest.raises(Stalled, match="E-GIT-031"):
            git_credentials(
                Installation(()), one, SSH, folder=tmp_path, environ={"TOKEN": "ada:canary"}, now=NOW
            )
    over_https = git_credentials(
        Installation(()), connection, HTTPS, folder=tmp_path, environ={"TOKEN": "ada:canary"}, now=NOW
    )
    assert over_https == Credentials("ada", "canary")
