"""`sentinelctl certificate`: in real clones, with real keys, by git's own commits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key
from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.sealed import Label, open_value, parse_sealed, unwrap
from reconciler.cli.certificate import command
from reconciler.cli.folder import config_files
from reconciler.cli.validate import check
from reconciler.config.snapshot import read_snapshot
from reconciler.errors import Stalled
from tests.unit.config.issuing import NOW, Issued, issue, rsa_key
from tests.unit.config.trees import BASE, KEYS

ROOT = issue("Shop root", ca=True, days=4000)
SHOP = issue("shop.example", "shop.example", "www.shop.example", by=ROOT)
TREE = (
    BASE
    + """\
// The way in.
listener "secure" {
    address "0.0.0.0:8443" // behind the load balancer
}
service "orders" {
    hosts "shop.example"
    path-prefix "/orders"
    upstream "orders"
}
upstream "orders" {
    target "10.0.0.1:80"
}
"""
)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "all.kdl").write_text(TREE)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.com")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Begin")
    monkeypatch.chdir(folder)
    return folder


Pair = Callable[..., list[str]]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Writes a certificate with its key beside the clone; the options that name them."""

    def write(one: Issued, *, key: bytes | None = None, chain: bytes | None = None) -> list[str]:
        (tmp_path / "one.pem").write_bytes(chain if chain is not None else one.chain)
        (tmp_path / "one.key").write_bytes(key if key is not None else one.private())
        return ["--cert", str(tmp_path / "one.pem"), "--key", str(tmp_path / "one.key")]

    return write


def certificate(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def done(*arguments: str) -> str:
    result = certificate(*arguments)
    assert result.exit_code == 0, result.output + str(result.exception)
    assert "PRIVATE KEY" not in result.output
    return result.output


def stalls(clone: Path, code: str, *arguments: str) -> str:
    head = git(clone, "rev-parse", "HEAD")
    result = certificate(*arguments)
    assert isinstance(result.exception, Stalled), result.output
    assert result.exception.code == code, result.exception
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")) == (head, "")
    assert result.exception.cure
    return str(result.exception)


def test_a_repository_with_errors_has_no_certificates_to_list_or_renew(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP))
    with (clone / "all.kdl").open("a") as file:
        file.write('service "stray" {\n    path-prefix "/stray"\n    upstream "nothing"\n}\n')
    git(clone, "commit", "--quiet", "--all", "-m", "Name what is not there")
    newer = issue("shop.example", "shop.example", "www.shop.example", by=ROOT)
    for arguments in (("list",), ("renew", "shop", *pair(newer))):
        told = stalls(clone, "E-CRT-018", *arguments)
        assert "all.kdl" in told
        assert "nothing" in told


def test_certificates_are_listed_of_a_config_repository_alone(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    told = stalls(clone, "E-SEC-011", "list", "--path", str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere") in told


def opened(clone: Path, secret: str, environment: str, version: int = 1) -> bytes:
    """The key as it is sealed in the clone, opened with the environment's key."""
    snapshot, findings = read_snapshot(config_files(clone))
    assert snapshot is not None, findings
    sealed = next(
        item
        for item in snapshot.resources[("secret", secret)].data["sealed"]
        if item["environment"] == environment
    )
    assert sealed["version"] == version
    value = parse_sealed(sealed["value"])
    keys: Mapping[str, PrivateKey] = KEYS
    return open_value(
        value.value, unwrap(value.wrapped, keys[environment]), Label("shop", environment, secret, version)
    )


def codes(clone: Path) -> list[str]:
    return [finding.code for finding in check(config_files(clone), now=NOW)[1]]


def test_add_commits_chain_key_and_listener_at_once(clone: Path, pair: Pair) -> None:
    said = done("add", "shop", *pair(SHOP), "--listener", "secure")
    assert "shop.example, www.shop.example, issued by Shop root, ECDSA P-256, ends on 2027-02-21" in said
    assert "sealed shop-key for dev, production; committed" in said
    assert git(clone, "show", "--format=%an %s", "--name-only").split("\n\n") == [
        "Ada Add the certificate shop for dev, production",
        "all.kdl\ncertificates.kdl\ncertificates/shop.pem\nsecrets.kdl\n",
    ]
    assert (clone / "certificates/shop.pem").read_bytes() == SHOP.chain
    text = (clone / "all.kdl").read_text()
    assert "// The way in.\n" in text
    assert 'address "0.0.0.0:8443" // behind the load balancer\n    protocol "https"\n' in text
    for environment in ("dev", "production"):
        assert opened(clone, "shop-key", environment) == SHOP.private()
    assert codes(clone) == []
    assert git(clone, "status", "--porcelain") == ""


def test_the_key_is_nowhere_in_the_clone(clone: Path, pair: Pair) -> None:
    arguments = pair(SHOP)
    done("add", "shop", *arguments)
    secret = SHOP.private().split(b"\n")[1]
    for path in clone.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_in_some_environments_without_a_commit(clone: Path, pair: Pair) -> None:
    said = done("add", "shop", *pair(SHOP), "--environment", "production", "--no-commit")
    assert "nothing is committed" in said
    assert git(clone, "log", "--format=%s") == "Begin\n"
    text = (clone / "certificates.kdl").read_text()
    assert 'only "production"' in text
    assert opened(clone, "shop-key", "production") == SHOP.private()
    assert codes(clone) == []


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ecdsa", PrivateFormat.PKCS8),
        ("ecdsa", PrivateFormat.TraditionalOpenSSL),
        ("rsa", PrivateFormat.PKCS8),
        ("rsa", PrivateFormat.TraditionalOpenSSL),
        ("ed25519", PrivateFormat.PKCS8),
    ],
)
def test_forms_of_keys(clone: Path, pair: Pair, kind: str, form: PrivateFormat) -> None:
    key = {"ecdsa": None, "rsa": rsa_key, "ed25519": ed25519.Ed25519PrivateKey.generate}[kind]
    one = issue("shop.example", "shop.example", by=ROOT, key=key() if key else None)
    done("add", "shop", *pair(one, key=b"Bag Attributes\n" + one.private(form)))
    pem = opened(clone, "shop-key", "dev")
    assert pem == one.private(PrivateFormat.PKCS8)
    assert load_pem_private_key(pem, None).public_key() == one.key.public_key()


def test_what_openssl_writes_before_a_key(clone: Path, pair: Pair) -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    done("add", "shop", *pair(SHOP, key=parameters + SHOP.private(PrivateFormat.TraditionalOpenSSL)))
    assert opened(clone, "shop-key", "dev") == SHOP.private()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_passphrase_is_refused_with_the_cure(clone: Path, pair: Pair, form: PrivateFormat) -> None:
    text = stalls(
        clone, "E-CRT-011", "add", "shop", *pair(SHOP, key=SHOP.private(form, passphrase=b"hunter2"))
    )
    assert "openssl pkey" in text


def test_keys_that_are_none(clone: Path, pair: Pair) -> None:
    key = SHOP.private()
    for content, words in (
        (b"", "no private key"),
        (SHOP.pem, "no private key"),
        (key + key, "more than one"),
        (key.replace(b"MIGH", b"MIGX"), "cannot be read"),
        (key[: len(key) // 2], "no private key"),
    ):
        text = stalls(clone, "E-CRT-010", "add", "shop", *pair(SHOP, key=content))
        assert words in text
        assert key.split(b"\n")[1].decode() not in text


def test_a_key_of_another_certificate(clone: Path, pair: Pair) -> None:
    other = issue("shop.example", "shop.example", by=ROOT)
    stalls(clone, "E-CRT-012", "add", "shop", *pair(SHOP, key=other.private()))
    # The same key in a chain that begins with its issuer is a mistake in the order.
    stalls(clone, "E-CRT-013", "add", "shop", *pair(SHOP, chain=ROOT.pem + SHOP.pem))


def test_chains_that_a_commit_would_be_refused_for(clone: Path, pair: Pair) -> None:
    for chain, words in (
        (b"", "no PEM block"),
        (SHOP.pem + SHOP.private(), "beside certificates"),
        (SHOP.pem + issue("Shop root", ca=True).pem, "E-PEM-006"),
        (SHOP.pem + SHOP.pem, "E-PEM-002"),
    ):
        assert words in stalls(clone, "E-CRT-013", "add", "shop", *pair(SHOP, chain=chain))
    weak = issue("shop.example", "shop.example", key=rsa_key(1024))
    assert "E-PEM-007" in stalls(clone, "E-CRT-013", "add", "shop", *pair(weak))


def test_a_missing_issuer_is_a_warning(clone: Path, pair: Pair) -> None:
    assert "W-PEM-001" in done("add", "shop", *pair(SHOP, chain=SHOP.pem))


def test_what_does_not_hold_now(clone: Path, pair: Pair) -> None:
    past = issue("shop.example", "shop.example", begins=NOW - timedelta(days=9), days=9)
    assert "ended" in stalls(clone, "E-CRT-014", "add", "shop", *pair(past))
    later = issue("shop.example", "shop.example", begins=NOW + timedelta(seconds=1))
    assert "not yet" in stalls(clone, "E-CRT-014", "add", "shop", *pair(later))


def test_names(clone: Path, pair: Pair) -> None:
    assert "'shop.other'" in stalls(clone, "E-CRT-015", "add", "shop", *pair(SHOP), "--for", "shop.other")
    done("add", "shop", *pair(SHOP), "--for", "shop.example")
    assert 'names "shop.example"\n' in (clone / "certificates.kdl").read_text()
    assert certificate("add", "Shop", *pair(SHOP)).exit_code == 2


def test_what_is_there_already(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP))
    assert "renew" in stalls(clone, "E-CRT-016", "add", "shop", *pair(SHOP))
    stalls(clone, "E-CRT-016", "add", "other", *pair(SHOP), "--secret", "shop-key")


def test_a_repository_that_would_be_worse_stays_as_it_is(clone: Path, pair: Pair) -> None:
    # The listener is in every environment, the certificate would not be.
    text = stalls(
        clone, "E-CRT-017", "add", "shop", *pair(SHOP), "--environment", "dev", "--listener", "secure"
    )
    assert "E-REF-002" in text
    stalls(clone, "E-SEC-011", "add", "shop", *pair(SHOP), "--listener", "secur")


def test_a_fault_that_was_there_before_is_no_obstacle(clone: Path, pair: Pair) -> None:
    (clone / "other.kdl").write_text('upstream "x" {\n    tagret "10.0.0.1:80"\n}\n')
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Mistake")
    done("add", "shop", *pair(SHOP))


def test_a_key_inside_the_clone_is_told(clone: Path, pair: Pair) -> None:
    arguments = pair(SHOP)
    (clone / "shop.key").write_bytes(SHOP.private())
    result = certificate("add", "shop", *arguments[:3], str(clone / "shop.key"))
    assert result.exit_code == 0, result.exception
    assert "keep it out of every commit" in result.output
    assert git(clone, "status", "--porcelain") == "?? shop.key\n"


def test_renew_makes_the_next_version(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP), "--listener", "secure")
    new = issue("shop.example", "shop.example", "www.shop.example", by=ROOT, days=180)
    said = done("renew", "shop", *pair(new))
    assert "sealed shop-key for dev (v2), production (v2); committed" in said
    assert git(clone, "show", "--format=%s", "--name-only").split("\n\n") == [
        "Renew the certificate shop for dev, production",
        "certificates/shop.pem\nsecrets.kdl\n",
    ]
    assert (clone / "certificates/shop.pem").read_bytes() == new.chain
    assert opened(clone, "shop-key", "production", version=2) == new.private()
    assert codes(clone) == []


def test_renew_for_the_same_key_needs_none(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP))
    again = issue("shop.example", "shop.example", "www.shop.example", by=ROOT, days=180, key=SHOP.key)
    said = done("renew", "shop", *pair(again)[:2])
    assert "the key is the same as before; committed" in said
    assert opened(clone, "shop-key", "dev", version=1) == SHOP.private()
    other = issue("shop.example", "shop.example", "www.shop.example", by=ROOT)
    assert "--key" in stalls(clone, "E-CRT-012", "renew", "shop", *pair(other)[:2])


def test_what_cannot_be_renewed(clone: Path, pair: Pair) -> None:
    stalls(clone, "E-SEC-011", "renew", "shop", *pair(SHOP))
    done("add", "shop", *pair(SHOP))
    assert "this very certificate" in stalls(clone, "E-CRT-016", "renew", "shop", *pair(SHOP))
    new = issue("shop.example", "shop.example", "www.shop.example", by=ROOT)
    text = stalls(clone, "E-CRT-016", "renew", "shop", *pair(new), "--environment", "dev")
    assert "production would get the new chain" in text
    lost = issue("shop.example", "shop.example", by=ROOT)
    assert "E-PEM-003" in stalls(clone, "E-CRT-017", "renew", "shop", *pair(lost))


def test_environments_with_chains_of_their_own_are_renewed_apart(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP))
    text = (clone / "certificates.kdl").read_text()
    own = text.replace("\n}", '\n    for "dev" {\n        chain "certificates/dev.pem"\n    }\n}')
    (clone / "certificates.kdl").write_text(own)
    (clone / "certificates/dev.pem").write_bytes(SHOP.chain)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Apart")
    new = issue("shop.example", "shop.example", "www.shop.example", by=ROOT)
    stalls(clone, "E-CRT-016", "renew", "shop", *pair(new))
    done("renew", "shop", *pair(new), "--environment", "dev")
    assert (clone / "certificates/dev.pem").read_bytes() == new.chain
    assert opened(clone, "shop-key", "dev", version=2) == new.private()
    assert opened(clone, "shop-key", "production", version=1) == SHOP.private()


def test_list(clone: Path, pair: Pair) -> None:
    done("add", "shop", *pair(SHOP), "--listener", "secure")
    edge = issue("edge.example", "edge.example", by=ROOT, days=10)
    done("add", "edge", *pair(edge), "--environment", "dev")
    rows = [json.loads(line) for line in done("list", "--json").splitlines()]
    assert [(row["name"], row["environment"], row["days-left"], row["version"]) for row in rows] == [
        ("edge", "dev", 9, None),
        ("shop", "dev", 89, 1),
        ("shop", "production", 89, 1),
    ]
    assert rows[1]["used-by"] == ["listener secure"]
    text = done("list", "--environment", "dev")
    assert "edge" in text
    assert "unused" in text
    assert "listener secure" in text
    assert "production" not in text
