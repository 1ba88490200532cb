"""`sentinelctl keys`, as people use it: files that travel between folders that stand for machines."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reconciler import clock
from reconciler.bundle.dsse import keyid
from reconciler.cli.keys.group import command
from reconciler.errors import ReconcilerError
from reconciler.keys.uri import load_key
from reconciler.settings import read_settings
from reconciler.store import layout
from reconciler.store.choose import open_store

CONFIG = """organization "acme" {
    keys {
        bundle "file:keys/bundle.key"
        pointer "file:keys/pointer.key"
        commit "file:keys/commit.key"
        %s
    }
    project "shop" {
        repository "https://github.com/acme/fleet.git"
    }
}
"""


class Machine:
    """A folder in which commands run, with the environment of its own machine."""

    def __init__(self, folder: Path, environ: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environ = environ or {}

    def run(self, *arguments: str, answer: str = "") -> Result:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return CliRunner().invoke(command, list(arguments), env=self.environ, input=answer)
        finally:
            os.chdir(before)

    def good(self, *arguments: str, answer: str = "") -> str:
        result = self.run(*arguments, answer=answer)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def document(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    def code(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert isinstance(result.exception, ReconcilerError), result.output
        assert result.exception.cure
        return result.exception.code

    def new(self, name: str) -> str:
        """A new key; its public half."""
        public: str = self.document("new", name)["public"]
        return public

    def id(self, uri: str) -> str:
        return keyid(bytes(load_key(uri, folder=self.folder, environ={}).verify_key))


class ControlPlane(Machine):
    """A machine with a server configuration and an object store."""

    def __init__(self, home: Path, root: str = 'root "file:keys/root.key"') -> None:
        super().__init__(
            home, {"SENTINEL_HOME": str(home), "SENTINEL_CONFIG": str(home / "control-plane.kdl")}
        )
        (home / "control-plane.kdl").write_text(CONFIG % root)
        self.store = open_store(read_settings(self.environ))

    @property
    def published(self) -> list[str]:
        return list(self.store.list(layout.roots("acme")))


@pytest.fixture
def plane(tmp_path: Path) -> ControlPlane:
    return ControlPlane(tmp_path / "plane")


def test_one_person_on_one_machine(plane: ControlPlane) -> None:
    output = plane.good("init", "--yes")
    assert "It is root 1 of 'acme', of epoch 1." in output
    assert "Next: sentinelctl keys publish" in output
    assert sorted(path.name for path in (plane.folder / "keys").iterdir()) == [
        "bundle.key", "commit.key", "pointer.key", "root.key",
    ]  # fmt: skip
    assert "Root 1 of 'acme' is published." in plane.good("publish", "root-1.json")
    assert plane.published == [layout.root("acme", 1)]
    # Everything may be done again.
    before = (plane.folder / "root-1.json").read_bytes()
    plane.good("init", "--yes")
    assert (plane.folder / "root-1.json").read_bytes() == before
    assert "was published already" in plane.good("publish", "root-1.json")


def test_several_people_sign_offline_through_files(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path / "plane", root="")
    ada, bob, eve = (Machine(tmp_path / name) for name in ("ada", "bob", "eve"))
    publics = [person.new("root.key") for person in (ada, bob, eve)]
    assert plane.code("init", "--yes") == "E-KEY-011"
    asked = [word for public in publics for word in ("--root", public)]
    found = plane.document("init", *asked, "--threshold", "root=2")
    assert (found["complete"], found["signatures"][0]["missing"]) == (False, 2)
    assert plane.code("publish", "root-1.json") == "E-KEY-012"

    def travel(name: str, here: Machine, there: Machine) -> None:
        (there.folder / name).write_bytes((here.folder / name).read_bytes())

    travel("root-1.json", plane, ada)
    shown = ada.good("sign-root", "root-1.json", "--key", "file:root.key", answer="y\n")
    assert f"The key {bob.id('file:root.key')} may sign for 'root'." in shown
    assert "2 of 3 keys have to sign for 'root'." in shown
    assert "Signed by 1 of the 2 root keys of root 1 that have to" in shown
    travel("root-1.json", ada, plane)
    early = plane.run("publish", "root-1.json").exception
    assert "root 1 has 1 of the 2 signatures that the root keys of root 1 have to give" in str(early)
    assert bob.id("file:root.key")[:16] in str(early)
    # Signing twice is one signature; a key that has no say cannot sign.
    once = (ada.folder / "root-1.json").read_bytes()
    ada.good("sign-root", "root-1.json", "--key", "file:root.key", "--yes")
    assert (ada.folder / "root-1.json").read_bytes() == once
    ada.new("other.key")
    assert ada.code("sign-root", "root-1.json", "--key", "file:other.key", "--yes") == "E-KEY-015"
    travel("root-1.json", ada, bob)
    assert "Next: sentinelctl keys publish" in bob.good(
        "sign-root", "root-1.json", "--key", "file:root.key", "--yes"
    )
    travel("root-1.json", bob, plane)
    plane.good("publish", "root-1.json")

    # Ada leaves, Zoe comes; Bob and Eve sign.
    zoe = Machine(tmp_path / "zoe")
    public = zoe.new("root.key")
    plane.good("rotate", "--role", "root", "--add", public, "--remove", ada.id("file:root.key")[:8])
    assert plane.document("show", "root-2.json")["signatures"][0]["missing"] == 2
    for signer in (bob, eve):
        for name in ("root-1.json", "root-2.json"):
            travel(name, plane, signer)
        words = signer.good("sign-root", "root-2.json", "--key", "file:root.key", "--yes")
        assert f"The key {ada.id('file:root.key')} may not sign for 'root' any more." in words
        assert f"The key {zoe.id('file:root.key')} may sign for 'root'." in words
        travel("root-2.json", signer, plane)
    plane.good("publish", "root-2.json")
    assert plane.published == [layout.root("acme", 1), layout.root("acme", 2)]


def test_who_says_no_signs_nothing(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    plane.good("rotate")
    before = (plane.folder / "root-2.json").read_bytes()
    for answer in ("n\n", ""):
        result = plane.run("sign-root", "root-2.json", "--key", "file:keys/root.key", answer=answer)
        assert result.exit_code == 1
        assert (plane.folder / "root-2.json").read_bytes() == before


def test_what_a_root_changes_is_only_shown_beside_the_one_before(plane: ControlPlane, tmp_path: Path) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    plane.good("rotate")
    far = Machine(tmp_path / "far")
    for name in ("root-2.json", "keys/root.key"):
        (far.folder / Path(name).name).write_bytes((plane.folder / name).read_bytes())
    (far.folder / "root.key").chmod(0o600)
    sign = ("sign-root", "root-2.json", "--key", "file:root.key", "--yes")
    assert far.code(*sign) == "E-KEY-017"
    (far.folder / "mine.json").write_bytes((plane.folder / "root-2.json").read_bytes())
    assert far.code(*sign, "--previous", "mine.json") == "E-KEY-017"
    (far.folder / "mine.json").write_bytes((plane.folder / "root-1.json").read_bytes())
    far.good(*sign, "--previous", "mine.json")


def test_renewing_is_one_command(plane: ControlPlane) -> None:
    plane.good("init", "--yes", "--days", "10")
    plane.good("publish", "root-1.json")
    (warning,) = plane.document("show")["warnings"]
    assert "expires in 9 days" in warning
    assert "sentinelctl keys rotate --publish" in warning
    assert "WARNING: Root 1 expires" in plane.good("show")
    assert "Root 2 of 'acme' is published." in plane.good("rotate", "--publish", "--yes")
    found = plane.document("show")
    assert found["warnings"] == []
    assert [root["version"] for root in found["roots"]] == [1, 2]
    assert len(found["roots"][1]["changes"]) == 1


def test_rotating_a_key_without_a_gap(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    (plane.folder / "control-plane.kdl").write_text(
        CONFIG % 'root "file:keys/root.key"\n        pointer "file:keys/pointer-2.key"'
    )
    plane.new("keys/pointer-2.key")

    def states() -> dict[str, str]:
        return {key["uri"]: key["state"] for key in plane.document("show")["configured"]["pointer"]}

    assert states() == {"file:keys/pointer-2.key": "unknown", "file:keys/pointer.key": "signs"}
    old = plane.id("file:keys/pointer.key")
    plane.good(
        "rotate",
        "--role",
        "pointer",
        "--add",
        "file:keys/pointer-2.key",
        "--remove",
        old[:8],
        "--publish",
        "--yes",
    )
    assert states() == {"file:keys/pointer-2.key": "signs", "file:keys/pointer.key": "replaced"}
    (plane.folder / "keys/pointer.key").unlink()
    assert states()["file:keys/pointer.key"] == "absent"


def test_revoking_a_key_with_its_successor_in_one_root(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    old = plane.id("file:keys/pointer.key")
    assert plane.code("revoke", old) == "E-KEY-011"
    public = plane.new("keys/pointer-2.key")
    plane.good("revoke", old, "--add", f"pointer={public}", "--epoch", "--publish", "--yes")
    found = plane.document("show")
    assert found["revoked"] == [old]
    assert (found["roots"][1]["epoch"], [k["public"] for k in found["roles"]["pointer"]["keys"]]) == (
        2, [public.removeprefix("ed25519:")],
    )  # fmt: skip
    assert [key["state"] for key in found["configured"]["pointer"]] == ["revoked"]
    add = ("rotate", "--role", "pointer", "--add", "file:keys/pointer.key")
    assert plane.code(*add) == "E-KEY-011"


@pytest.mark.parametrize("how", ["the beginning of an id", "a public key"])
def test_a_key_that_no_root_has_cannot_be_revoked(plane: ControlPlane, how: str) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    before = plane.document("show")
    named = "0" * 16 if how == "the beginning of an id" else plane.new("keys/stranger.key")
    assert plane.code("revoke", named) == "E-KEY-018"
    assert plane.document("show") == before


def test_of_two_proposals_of_one_version_the_first_is_published(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    one, two = plane.new("keys/one.key"), plane.new("keys/two.key")
    for public, name in ((one, "a/root-2.json"), (two, "b/root-2.json")):
        plane.good(
            "rotate",
            "--role",
            "bundle",
            "--add",
            public,
            "--out",
            name,
            "--key",
            "file:keys/root.key",
            "--yes",
        )
    plane.good("publish", "a/root-2.json")
    assert plane.code("publish", "b/root-2.json") == "E-KEY-013"
    assert "was published already" in plane.good("publish", "a/root-2.json")
    assert plane.published == [layout.root("acme", 1), layout.root("acme", 2)]


def test_no_version_is_left_out(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    sign = ("--key", "file:keys/root.key", "--yes")
    assert plane.code("rotate") == "E-KEY-008"
    plane.good("rotate", "--from", "root-1.json", *sign)
    plane.good("rotate", "--from", "root-2.json", *sign)
    assert plane.code("publish", "root-2.json") == "E-KEY-013"
    plane.good("publish", "root-1.json")
    assert plane.code("publish", "root-3.json") == "E-KEY-013"
    plane.good("publish", "root-2.json")
    plane.good("publish", "root-3.json")
    plane.store.replace(layout.root("acme", 5), (plane.folder / "root-3.json").read_bytes())
    assert plane.code("show") == "E-KEY-009"


def test_a_proposal_is_not_lost_to_another_one(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    plane.good(
        "rotate",
        "--role",
        "bundle",
        "--add",
        plane.new("keys/one.key"),
        "--key",
        "file:keys/root.key",
        "--yes",
    )
    signed = (plane.folder / "root-2.json").read_bytes()
    assert plane.code("rotate") == "E-KEY-019"
    plane.good("rotate", "--role", "bundle", "--add", "file:keys/one.key")
    assert (plane.folder / "root-2.json").read_bytes() == signed


@pytest.mark.parametrize("text", ["0" * 64, "ed25519:zz", "no-such-file", "http:x"])
def test_what_is_no_public_key_is_refused_and_not_repeated(plane: ControlPlane, text: str) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    result = plane.run("rotate", "--role", "bundle", "--add", text)
    assert isinstance(result.exception, ReconcilerError)
    assert result.exception.code == "E-KEY-016"
    assert text not in str(result.exception)


def test_a_private_key_file_is_no_public_key(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    plane.good("publish", "root-1.json")
    assert plane.code("public", "keys/root.key") == "E-KEY-016"
    line = plane.good("public", "file:keys/root.key")
    (plane.folder / "root.pub").write_text(line.strip() + " Ada, from the safe\n")
    assert plane.good("public", "root.pub") == line
    assert plane.good("public", line.strip(), "--ssh").startswith("ssh-ed25519 ")


def test_a_root_of_another_organization_or_no_root_is_refused(plane: ControlPlane) -> None:
    plane.good("init", "--yes")
    text = (plane.folder / "control-plane.kdl").read_text()
    (plane.folder / "control-plane.kdl").write_text(text.replace('"acme"', '"other"'))
    assert plane.code("publish", "root-1.json") == "E-KEY-010"
    assert plane.code("publish", "control-plane.kdl") == "E-KEY-010"
    assert plane.code("publish", "nothing.json") == "E-KEY-010"
    assert plane.code("show", "--organization", "nobody") == "E-SET-007"


def test_an_expired_root_is_said_to_be_so(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.good("init", "--yes", "--days", "1")
    plane.good("publish", "root-1.json")
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    (warning,) = plane.document("show")["warnings"]
    assert "expired" in warning
    plane.good("rotate", "--publish", "--yes")
    assert plane.document("show")["warnings"] == []


def test_no_command_prints_a_private_key(plane: ControlPlane) -> None:
    outputs = [
        plane.good("init", "--yes"),
        plane.good("publish", "root-1.json"),
        plane.good("new", "keys/next.key"),
        plane.good("rotate", "--role", "bundle", "--add", "file:keys/next.key", "--publish", "--yes"),
        plane.good("show"),
        json.dumps(plane.document("show")),
        (plane.folder / "root-2.json").read_text(),
    ]
    seeds = [path.read_text().strip() for path in (plane.folder / "keys").iterdir()]
    assert len(seeds) == 5
    assert not [seed for seed in seeds for output in outputs if seed in output]
