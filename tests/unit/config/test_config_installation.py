"""The server configuration."""

from __future__ import annotations

import pytest

from reconciler.config.egress import EgressRules
from reconciler.config.installation import App, Connection, KeyUris, Project, read_installation

TEXT = """\
organization "acme" {
    name "Acme"
    keys {
        bundle "file:keys/bundle.key"
        pointer "file:keys/pointer.key"
        commit "env:COMMIT_KEY"
        root "file:/srv/root.key"
    }
    connection "origin" {
        forge "github"
        secret "file:keys/webhook.secret"
        secret "file:keys/old.secret"
        credentials "env:TOKEN"
    }
    project "shop" {
        repository "https://github.com/acme/fleet.git"
        connection "origin"
        sealing-key "production" "file:keys/production.sealing"
        sealing-key "dev" "env:DEV_KEY"
        sealing-key "production" "file:keys/old.sealing"
    }
    project "zoo" {
        name "Zoo"
        repository "https://github.com/acme/fleet.git"
        path "projects/zoo"
        branch-prefix "zoo/"
        trunk "release/1.x"
    }
}
"""


def brief(text: str) -> list[str]:
    installation, findings = read_installation(text.encode(), "control-plane.kdl")
    assert (installation is None) == bool(findings)
    assert all(f.hint and f.expected for f in findings)
    return [f"{f.code} {f.place.line}:{f.place.column}" if f.place else f.code for f in findings]


def test_egress() -> None:
    installation, _ = read_installation(TEXT.encode(), "control-plane.kdl")
    assert installation is not None
    assert installation.egress == EgressRules()
    text = TEXT + 'egress {\n    allow "10.0.0.0/8" "::1"\n    trust "file:ca.pem"\n}\n'
    installation, _ = read_installation(text.encode(), "control-plane.kdl")
    assert installation is not None
    assert installation.egress == EgressRules(("10.0.0.0/8", "::1"), "file:ca.pem")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "300.1.1.1", "example.com", "*"])
def test_what_is_no_network_cannot_be_allowed(network: str) -> None:
    assert brief(TEXT + f'egress {{\n    allow "{network}"\n}}\n') == ["E-VAL-004 31:11"]


def test_everything() -> None:
    installation, findings = read_installation(TEXT.encode(), "control-plane.kdl")
    assert findings == ()
    assert installation is not None
    (acme,) = installation.organizations
    assert (acme.slug, acme.name) == ("acme", "Acme")
    assert acme.keys == KeyUris(
        ("file:keys/bundle.key",), ("file:keys/pointer.key",), ("env:COMMIT_KEY",), ("file:/srv/root.key",)
    )
    assert installation.connection("origin") == Connection(
        "origin",
        "acme",
        "github",
        ("file:keys/old.secret", "file:keys/webhook.secret"),
        "env:TOKEN",
        instance="origin",
    )
    url = "https://github.com/acme/fleet.git"
    sealing_keys = (
        ("dev", "env:DEV_KEY"),
        ("production", "file:keys/production.sealing"),
        ("production", "file:keys/old.sealing"),
    )
    assert installation.project("shop") == Project(
        "shop", "acme", "shop", url, "", "", "main", "origin", sealing_keys
    )
    assert installation.project("zoo") == Project(
        "zoo", "acme", "Zoo", url, "projects/zoo", "zoo/", "release/1.x", None
    )
    assert installation.project("nothing") is None
    assert installation.connection("nothing") is None
    assert installation.organization("acme") is acme


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (TEXT, "", ["E-KND-003"]),
        ('organization "acme"', "organization", ["E-KND-005 1:1"]),
        ('organization "acme"', 'organization "Acme"', ["E-VAL-004 1:14"]),
        ('        bundle "file:keys/bundle.key"\n', "", ["E-KND-003 3:5"]),
        ('"file:keys/bundle.key"', '"9f2c"', ["E-VAL-004 4:16"]),
        ('"file:keys/bundle.key"', '"file:../bundle.key"', ["E-VAL-004 4:16"]),
        ('forge "github"', 'forge "gitbuh"', ["E-VAL-002 10:15"]),
        ('connection "origin"\n', 'connection "orign"\n', ["E-INS-002 17:20"]),
        ('        branch-prefix "zoo/"\n', "", ["E-INS-003 22:13"]),
        ('project "zoo"', 'project "shop"', ["E-VAL-008 22:13"]),
        ('"projects/zoo"', '"../zoo"', ["E-VAL-004 25:14"]),
        ('"zoo/"', '"zoo"', ["E-VAL-004 26:23"]),
        ('"release/1.x"', '"a..b"', ["E-VAL-004 27:15"]),
        ('"release/1.x"', '"env/x"', ["E-VAL-004 27:15"]),
        ('"production" "file:keys/old', '"dev" "file:../old', ["E-VAL-004 20:27"]),
        ('"env:DEV_KEY"', '"9f2c"', ["E-VAL-004 19:27"]),
        ("keys/old.sealing", "keys/production.sealing", ["E-VAL-008 20:34"]),
        ('    name "Acme"', '    nmae "Acme"', ["E-KND-002 2:5"]),
        ('    name "Acme"', "    name Acme {", ["E-SYN-006 1:21"]),
    ],
)
def test_mistakes(before: str, after: str, found: list[str]) -> None:
    assert TEXT.count(before) == 1
    assert brief(TEXT.replace(before, after)) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://user:pass@github.com/x.git", ["E-INS-004 16:20"]),
        ("https://user@github.com/x.git", ["E-INS-004 16:20"]),
        ("ssh://git@github.com/x.git", ["E-INS-150 16:20"]),
        ("http://127.0.0.1:8003/shop.git", []),
        ("file:///etc", ["E-VAL-004 16:20"]),
        ("/srv/repo.git", ["E-VAL-004 16:20"]),
        ("ext::sh -c id", ["E-VAL-004 16:20"]),
        ("https://-oProxyCommand=x/y", ["E-VAL-004 16:20"]),
        ("ssh://-oProxyCommand=x/y", ["E-VAL-004 16:20"]),
        ("ssh://git@-oProxyCommand=x/y", ["E-VAL-004 16:20"]),
        ("https://host:99999/x", ["E-VAL-004 16:20"]),
    ],
)
def test_repository_urls(url: str, found: list[str]) -> None:
    text = TEXT.replace("https://github.com/acme/fleet.git", url, 1)
    assert brief(text) == found


def test_a_connection_may_have_no_secret_and_a_project_may_listen_to_tags() -> None:
    text = TEXT.replace('secret "file:keys/webhook.secret"', "").replace('secret "file:keys/old.secret"', "")
    installation, findings = read_installation(text.replace('name "Zoo"', "tags #true").encode(), "c")
    assert findings == ()
    assert installation is not None
    origin, shop, zoo = (installation.connection("origin"), *installation.organizations[0].projects)
    assert origin is not None
    assert (origin.secrets, shop.tags, zoo.tags) == ((), False, True)


def test_an_app_is_githubs_and_is_used_instead_of_credentials() -> None:
    """And a forge's accounts are somebody's."""
    line = (
        '        forge "github"; app "42" installation="7" key="file:k"; reviewer "bob-w" "bob@example.com"\n'
    )
    text = "".join(
        line if 'forge "github"' in one else one for one in TEXT.splitlines(True) if "credentials" not in one
    )
    installation, findings = read_installation(text.encode(), "c")
    assert installation is not None, findings
    origin = installation.connection("origin")
    assert origin is not None
    assert (origin.app, origin.speaks) == (App("42", "7", "file:k"), True)
    assert (origin.person_of("bob-w"), origin.person_of("bob@example.com")) == ("bob@example.com", "")
    for wrong in (text.replace('"github"', '"gitlab"'), text.replace("; app", '; credentials "env:T"; app')):
        assert [one.code for one in read_installation(wrong.encode(), "c")[1]] == ["E-INS-140"]


def test_no_secret_stands_in_a_message() -> None:
    _, findings = read_installation(
        TEXT.replace("https://github.com/acme/fleet.git", "https://u:hunter2@h/x", 1).encode(), "c"
    )
    assert "hunter2" not in str(findings)


def test_slugs_are_unique_in_the_installation() -> None:
    second = TEXT.replace('"acme"', '"other"', 1).replace('project "zoo"', 'project "park"')
    second = second.replace("fleet.git", "other.git").replace('connection "origin"', 'connection "source"')
    assert brief(TEXT + second) == ["E-INS-001 44:13"]
    assert brief(TEXT + second.replace('"shop"', '"store"')) == []
    assert brief(TEXT + second.replace('"shop"', '"store"').replace('"source"', '"origin"')) == [
        "E-INS-001 38:16"
    ]


MEMBERS = """\
organization "acme" {
    keys { bundle "file:k"; pointer "file:k"; commit "file:k"; }
    member "ada@example.com" "admin"
    member "bob@example.com" "operator"
    project "shop" {
        repository "https://github.com/acme/fleet.git"
        member "bob@example.com" "reader"
        member "eve@example.com" "operator"
    }
}
"""


def test_members_of_the_organization_and_of_a_project() -> None:
    installation, findings = read_installation(MEMBERS.encode(), "control-plane.kdl")
    assert installation is not None, findings
    (acme,) = installation.organizations
    assert [(m.email, m.role) for m in acme.members] == [
        ("ada@example.com", "admin"),
        ("bob@example.com", "operator"),
    ]
    assert [(m.email, m.role) for m in acme.projects[0].members] == [
        ("bob@example.com", "reader"),
        ("eve@example.com", "operator"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('"bob@example.com" "reader"', '"bob@example.com" "admin"', ["E-INS-120 7:34"]),
        ('"bob@example.com" "reader"', '"bob@example.com" "none"', []),
        ('"bob@example.com" "reader"', '"bob@example.com" "operator"', []),
        ('"ada@example.com" "admin"', '"Ada@example.com" "admin"', ["E-VAL-004 3:12"]),
        ('"ada@example.com" "admin"', '"ada@example.com" "owner"', ["E-VAL-002 3:30"]),
        ('"ada@example.com" "admin"', '"ada@example.com" "none"', ["E-VAL-002 3:30"]),
        ('"ada@example.com" "admin"', '"ada@example.com"', ["E-KND-005 3:5"]),
        ('"ada@example.com" "admin"', '"bob@example.com" "admin"', ["E-VAL-008 4:12"]),
    ],
)
def test_members_that_are_refused(before: str, after: str, found: list[str]) -> None:
    assert before in MEMBERS
    assert brief(MEMBERS.replace(before, after, 1)) == found


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://hooks.example", True),
        ("http://127.0.0.1:8001/a/b", True),
        ("http://[::1]:8001", True),
        ("https://hooks.example/", False),
        ("https://Hooks.example", False),
        ("https://ada@hooks.example", False),
        ("https://hooks.example?a=b", False),
        ("ssh://hooks.example", False),
        ("hooks.example", False),
    ],
)
def test_where_a_forge_reaches_us_is_stated_in_one_way(url: str, right: bool) -> None:
    text = TEXT.replace('forge "github"', f'forge "github"; receiver "{url}"', 1)
    assert brief(text) == ([] if right else ["E-VAL-004 10:34"])
    installation, _ = read_installation(text.encode(), "control-plane.kdl")
    if installation is not None:
        (found, *_) = installation.organizations[0].connections
        assert found.webhook(found.receiver) == f"{url}/webhooks/github/origin"
