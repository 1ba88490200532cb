"""Whose signing key is whose: `.sentinel/allowed-signers`, and the teams and approvals that go with it."""

from __future__ import annotations

import base64
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.folder import read_folder
from reconciler.config.signers import Signers, read_signers
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SIGNERS, SourceFile
from tests.unit.config.trees import BASE, UPSTREAM, brief, read, sound

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def line_of(kind: str, *fields: bytes) -> str:
    blob = b"".join(string(field) for field in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(blob).decode()}"


ED = line_of("ssh-ed25519", b"\1" * 32)
OTHER = line_of("ssh-ed25519", b"\2" * 32)
SHORT = line_of("ssh-rsa", b"\1\0\1", b"\1" * 128)
SOUND = {
    "ed25519": ED,
    "security key": line_of("sk-ssh-ed25519@openssh.com", b"\1" * 32, b"ssh:"),
    "ecdsa": line_of("ecdsa-sha2-nistp384", b"nistp384", b"\4" + b"\1" * 96),
    "ecdsa on a security key": line_of(
        "sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\4" + b"\1" * 64, b"ssh:work"
    ),
    "rsa": line_of("ssh-rsa", b"\1\0\1", b"\0\xff" + b"\1" * 255),
}


@pytest.mark.parametrize("key", SOUND.values(), ids=SOUND.keys())
def test_every_kind_of_key_that_counts_is_read(key: str) -> None:
    signers, findings = read_signers(f"ada@example.com {key} laptop\n".encode())
    assert findings == ()
    assert signers is not None
    (line,) = signers.lines
    assert signers.principals_of(line.key, NOW) == ("ada@example.com",)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_ssh_keygen_writes_is_read(tmp_path: Path, kind: str) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "key"], check=True, capture_output=True
    )
    signers, findings = read_signers(b"ada@example.com " + (tmp_path / "key.pub").read_bytes())
    assert findings == ()
    assert signers is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(f"# people\n\n ada@example.com {ED}\n", [], id="comments and blanks"),
        pytest.param("ada@example.com", ["E-SGN-001 1"], id="a name alone"),
        pytest.param(ED, ["E-SGN-001 1"], id="a key alone"),
        pytest.param(f"ada@example.com {ED}\n*@example.com {OTHER}\n", ["E-SGN-003 2"], id="a pattern"),
        pytest.param(f"Ada@example.com {ED}", ["E-SGN-003 1"], id="capitals"),
        pytest.param(f"ada@example.com,ada@example.com {ED}", ["E-SGN-003 1"], id="a name twice"),
        pytest.param(f"ada@example.com cert-authority {ED}", ["E-SGN-006 1"], id="an authority"),
        pytest.param(f'ada@example.com namespaces="file" {ED}', ["E-SGN-006 1"], id="not for commits"),
        pytest.param(f'ada@example.com valid-before="soon" {ED}', ["E-SGN-006 1"], id="no moment"),
        pytest.param(f'ada@example.com valid-before="20261332" {ED}', ["E-SGN-006 1"], id="no day"),
        pytest.param(f"ada@example.com {ED[:-8]}", ["E-SGN-004 1"], id="a key cut short"),
        pytest.param(f"ada@example.com {ED}=", ["E-SGN-004 1"], id="not base64"),
        pytest.param(
            f"ada@example.com {line_of('ssh-ed25519', bytes(32), b'more')}",
            ["E-SGN-004 1"],
            id="more behind it",
        ),
        pytest.param(
            f"ada@example.com ssh-rsa {ED.split()[1]}", ["E-SGN-004 1"], id="another kind than it says"
        ),
        pytest.param(f"ada@example.com {line_of('ssh-dss', b'x')}", ["E-SGN-002 1"], id="dsa"),
        pytest.param(f"ada@example.com {SHORT}", ["E-SGN-002 1"], id="short rsa"),
        pytest.param(f"ada@example.com {ED}\nbob@example.com {ED}\n", ["E-SGN-005 2"], id="two people"),
        pytest.param("\xff", ["E-SGN-001 1"], id="latin"),
    ],
)
def test_every_mistake_is_found_at_its_line(text: str, found: list[str]) -> None:
    signers, findings = read_signers(text.encode("latin-1" if text == "\xff" else "utf-8"))
    assert [f"{one.code} {one.place.line}" for one in findings if one.place] == found
    assert (signers is None) == bool(found)
    assert all(one.expected and one.hint for one in findings)


def test_a_key_counts_from_a_day_to_another() -> None:
    text = f'ada@example.com namespaces="git,file",valid-after="20260101Z",valid-before="202612311200" {ED}'
    signers, findings = read_signers(text.encode())
    assert findings == ()
    assert signers is not None
    key = signers.lines[0].key
    for moment, known in [
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 11, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 12, 0, tzinfo=UTC), False),
    ]:
        assert bool(signers.principals_of(key, moment)) is known


def test_all_names_of_a_line_are_one_person_and_lines_that_share_a_name_too() -> None:
    signers, _ = read_signers(
        f"ada@example.com,ada@home.example {ED}\nada@home.example,a@b {OTHER}\n".encode()
    )
    assert signers is not None
    assert signers.names_of("a@b") == {"ada@example.com", "ada@home.example", "a@b"}
    assert Signers().names_of("x") == {"x"}


def test_the_file_is_part_of_the_configuration() -> None:
    files = [SourceFile("base.kdl", BASE.encode()), SourceFile("u.kdl", UPSTREAM.encode())]
    snapshot, findings = read_snapshot([*files, SourceFile(SIGNERS, f"ada@example.com {ED}".encode())])
    assert snapshot is not None, findings
    snapshot, findings = read_snapshot([*files, SourceFile(SIGNERS, b"\nnobody\n")])
    assert snapshot is None
    assert [str(finding.place) for finding in findings] == [f"{SIGNERS}:2:1"]


def test_the_file_is_read_from_a_folder_too(tmp_path: Path) -> None:
    (tmp_path / "base.kdl").write_text(BASE + UPSTREAM)
    (tmp_path / SIGNERS).parent.mkdir()
    (tmp_path / SIGNERS).write_text("nobody\n")
    snapshot, findings, _ = read_folder(tmp_path)
    assert snapshot is None
    assert [finding.code for finding in findings] == ["E-SGN-001"]


TEAM = 'team "sre" {\n    members "ada@example.com" "bob@example.com"\n}\n'


def asking(text: str) -> str:
    return f'environment "prod" {{\n    proxy-version "0.6.20"\n    policy {{\n{text}\n    }}\n}}\n'


def test_approvals_know_the_members_of_their_teams() -> None:
    snapshot = sound(
        TEAM, asking('        approvals 2 {\n            from "eve@example.com" "team:sre"\n        }')
    )
    approvals = next(policy.approvals for policy in snapshot.policies if policy.name == "prod")
    assert approvals.count == 2
    assert approvals.everybody == {"ada@example.com", "bob@example.com", "eve@example.com"}
    assert approvals.teams == (("sre", ("ada@example.com", "bob@example.com")),)


def train(rule: str) -> str:
    return f'        promote "automatic" take="train"\n        schedule "{rule}" zone="UTC"'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("        approvals 2", []),
        ('        approvals 0 {\n            from "a@b"\n        }', ["E-VAL-003 2.kdl:4:19"]),
        ('        approvals 1 {\n            from "team:ser"\n        }', ["E-REF-001 2.kdl:5:18"]),
        ('        approvals 1 {\n            from "Ada@example.com"\n        }', ["E-VAL-004 2.kdl:5:18"]),
        ('        approvals 3 {\n            from "team:sre"\n        }', ["E-VAL-009 2.kdl:4:9"]),
        ('        promote "manual" after="1h"', ["E-VAL-009 2.kdl:4:32"]),
        ('        promote "automatic" after="1h"', ["E-VAL-009 2.kdl:4:35"]),
        ('        promote "automatic" take="train"', ["E-VAL-009 2.kdl:4:9"]),
        ('        schedule "FREQ=DAILY;BYHOUR=1;BYMINUTE=0" zone="UTC"', ["E-VAL-009 2.kdl:4:9"]),
        (train("FREQ=DAILY"), ["E-VAL-004 2.kdl:5:18"]),
        (train("FREQ=SECONDLY;BYHOUR=1;BYMINUTE=0"), ["E-VAL-004 2.kdl:5:18"]),
        (train("FREQ=DAILY;BYHOUR=77;BYMINUTE=0"), ["E-VAL-004 2.kdl:5:18"]),
        (train("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=1;BYMINUTE=0"), ["E-VAL-004 2.kdl:5:18"]),
        (train("FREQ=MONTHLY;BYDAY=1TU;BYHOUR=1;BYMINUTE=0"), []),
    ],
)  # fmt: skip
def test_mistakes_in_approvals_and_promotion_are_found(text: str, found: list[str]) -> None:
    assert brief(read(TEAM, asking(text))[1]) == found
