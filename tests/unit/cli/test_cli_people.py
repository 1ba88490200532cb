"""`sentinelctl admin`, `person` and `api-key`: what they print, and what then holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler import clock
from reconciler.cli.main import group
from reconciler.db import accounts, api_keys, session, signing_in
from reconciler.db.audit import AuditRow
from reconciler.errors import ReconcilerError
from reconciler.settings import read_settings
from tests.servers.migrated import migrated
from tests.unit.auth.people import write_configuration

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path))
    settings = read_settings({"SENTINEL_HOME": str(tmp_path)})
    migrated(settings)
    write_configuration(settings)
    yield
    session.disconnect()


def run(*arguments: str, given: str | None = None) -> str:
    found = CliRunner().invoke(group, list(arguments), input=given)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def test_the_first_admin() -> None:
    said = run("admin", "create", "Ada@acme.example", "--name", "Ada", "--stdin", given=PASSWORD + "\n")
    assert said == "ada@acme.example may do everything; sign in at http://127.0.0.1:8000/sign-in\n"
    person = accounts.recognise("ada@acme.example", PASSWORD)
    assert person is not None
    assert (person.name, person.everywhere) == ("Ada", "admin")


def test_a_password_that_is_typed_has_to_be_typed_twice() -> None:
    said = run("admin", "create", "ada@acme.example", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in said
    assert accounts.recognise("ada@acme.example", PASSWORD) is not None


def test_a_password_that_is_made_up_is_printed_once() -> None:
    said = run("person", "create", "bob@acme.example", "--generate")
    password = said.splitlines()[0].removeprefix("password: ")
    assert 'member "bob@acme.example" "reader"' in said
    person = accounts.recognise("bob@acme.example", password)
    assert person is not None
    assert person.everywhere == ""
    assert "bob@acme.example" in run("person", "list")
    assert password not in run("person", "list")


def test_another_password_ends_the_sessions() -> None:
    run("person", "create", "bob@acme.example", "--stdin", given=PASSWORD + "\n")
    person = accounts.person_of("bob@acme.example")
    token = signing_in.begin(person, way="password", address="", agent="", now=clock.now())
    run("person", "password", "bob@acme.example", "--stdin", given="another long password\n")
    assert signing_in.find(token, now=clock.now()) is None
    assert accounts.recognise("bob@acme.example", PASSWORD) is None


def test_disabling_ends_sessions_and_keys_and_enabling_brings_none_back() -> None:
    run("person", "create", "bob@acme.example", "--stdin", given=PASSWORD + "\n")
    key = run("api-key", "create", "bob@acme.example", "--name", "CI", "--scope", "nodes:read",
              "--organization", "acme", "--project", "shop").strip()  # fmt: skip
    assert api_keys.find(key, now=clock.now(), address="") is not None
    run("person", "disable", "bob@acme.example")
    assert api_keys.find(key, now=clock.now(), address="") is None
    assert accounts.recognise("bob@acme.example", PASSWORD) is None
    assert "disabled" in run("person", "list")
    with pytest.raises(ReconcilerError, match="E-AUT-022"):
        run(
            "api-key",
            "create",
            "bob@acme.example",
            "--name",
            "CI",
            "--scope",
            "nodes:read",
            "--project",
            "shop",
        )
    run("person", "enable", "bob@acme.example")
    assert accounts.recognise("bob@acme.example", PASSWORD) is not None
    assert api_keys.find(key, now=clock.now(), address="") is None


def test_keys_are_listed_and_revoked() -> None:
    run("admin", "create", "ada@acme.example", "--generate")
    made = (
        "api-key",
        "create",
        "ada@acme.example",
        "--name",
        "CI",
        "--scope",
        "bundles:read",
        "--scope",
        "nodes:read",
    )
    key = run(*made, "--project", "shop", "--expires", "12h").strip()
    listed = run("api-key", "list")
    identifier = listed.split(" ", 1)[0]
    assert "acme/shop" in listed
    assert "bundles:read,nodes:read" in listed
    assert key not in listed
    assert "valid" in listed
    assert run("api-key", "revoke", identifier) == f"revoked {identifier}\n"
    assert "revoked" in run("api-key", "list")
    assert api_keys.find(key, now=clock.now(), address="") is None
    with pytest.raises(ReconcilerError, match="E-AUT-034"):
        run("api-key", "revoke", "key_nope")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--scope", "everything", "--project", "shop"), "E-AUT-031"),
        (("--scope", "nodes:read", "--project", "nope"), "E-AUT-032"),
        (("--scope", "nodes:read"), "E-AUT-032"),
        (("--scope", "nodes:read", "--organization", "rival", "--project", "shop"), "E-AUT-032"),
        (("--scope", "nodes:read", "--project", "shop", "--expires", "1000d"), "E-AUT-030"),
    ],
)
def test_keys_that_cannot_be_had(more: tuple[str, ...], code: str) -> None:
    run("admin", "create", "ada@acme.example", "--generate")
    with pytest.raises(ReconcilerError, match=code):
        run("api-key", "create", "ada@acme.example", "--name", "CI", *more)


def rows() -> list[tuple[str, str, str]]:
    with session.reading():
        return [
            (row.organization, row.action, row.subject) for row in AuditRow.select().order_by(AuditRow.id)
        ]


def test_what_is_done_to_accounts_and_keys_is_in_the_audit_log() -> None:
    run("admin", "create", "ada@acme.example", "--generate")
    assert rows() == [
        ("acme", "person.created", "ada@acme.example"),
        ("rival", "person.created", "ada@acme.example"),
    ]
    run("person", "create", "reader@acme.example", "--generate")
    run("person", "create", "stranger@acme.example", "--generate")
    run("person", "disable", "reader@acme.example")
    run("person", "enable", "reader@acme.example")
    run("person", "password", "reader@acme.example", "--generate")
    made = ("api-key", "create", "reader@acme.example", "--name", "CI", "--scope", "nodes:read")
    run(*made, "--project", "shop")
    identifier = run("api-key", "list").split(" ", 1)[0]
    run("api-key", "revoke", identifier)
    assert rows()[2:] == [
        ("acme", "person.created", "reader@acme.example"),
        ("", "person.created", "stranger@acme.example"),
        ("acme", "person.disabled", "reader@acme.example"),
        ("acme", "person.enabled", "reader@acme.example"),
        ("acme", "person.password-changed", "reader@acme.example"),
        ("acme", "api_key.created", identifier),
        ("acme", "api_key.revoked", identifier),
    ]


def test_an_account_that_cannot_be_made_is_not_told_of() -> None:
    run("person", "create", "reader@acme.example", "--generate")
    with pytest.raises(ReconcilerError, match="E-AUT-021"):
        run("person", "create", "reader@acme.example", "--generate")
    assert len(rows()) == 1
