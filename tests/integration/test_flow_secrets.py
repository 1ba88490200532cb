"""Secrets on their way from a commit into the object store: real repository, database and store."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey

from reconciler.bundle import archive
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.sealed import Label, key_id, open_value, parse_sealed, unwrap
from reconciler.config.editing import resource_texts, set_child
from reconciler.config.kdl import KdlNode
from reconciler.embedded.template import template_files
from reconciler.errors import Stalled
from reconciler.flows.founding import write_sealing_keys
from reconciler.flows.founding_repository import founded
from reconciler.keys.sealing import rewrap, seal
from reconciler.keys.uri import create_sealing_key, load_sealing_key
from reconciler.pinned import Pinned
from reconciler.store import layout
from tests.integration.test_flow_resources import made, tip
from tests.integration.test_flow_trunk import World, git_server, world

__all__ = ["git_server", "world"]

ENVIRONMENTS = ("dev", "staging", "production")
VALUE = b"correct horse:battery"


@dataclass
class Sealed:
    """A repository that was founded from the template, for keys that are at hand."""

    world: World
    keys: dict[str, PrivateKey]
    files: dict[str, bytes]

    def edit(self, path: str, kind: str, name: str, child: KdlNode) -> None:
        text = set_child(self.files[path].decode(), kind, name, child, keyed=len(child.arguments) > 1)
        self.files[path] = text.encode()

    def set(
        self, text: str, version: int, name: str = "partner-key", environment: str = "production"
    ) -> None:
        self.edit("secrets.kdl", "secret", name, KdlNode("sealed", (environment, text), {"version": version}))

    def seal(self, value: bytes, version: int, **where: str) -> str:
        name, environment = where.get("name", "partner-key"), where.get("environment", "production")
        label = Label("shop", environment, name, version)
        text = seal(value, bytes(self.keys[environment].public_key), label).text()
        self.set(text, version, name, environment)
        return text

    def push(self) -> Any:
        """Push all files, let the flow run, and give the commit's row."""
        sha = self.world.push(dict(self.files))
        self.world.run()
        return self.world.row(sha)

    def stored(self) -> dict[str, bytes]:
        store = self.world.context.store
        return {
            key.removeprefix(layout.secrets("acme", "shop")): store.get(key, limit=LIMITS.blob)
            for key in store.list(layout.secrets("acme", "shop"))
        }

    def manifest(self, digest: str) -> Any:
        blob = self.world.context.store.get(layout.bundle("acme", "shop", digest), limit=LIMITS.blob)
        return json.loads(archive.unpack(blob)["manifest.json"])


@pytest.fixture
def sealed(world: World, tmp_path: Path) -> Sealed:
    publics = write_sealing_keys(tmp_path, "shop", ENVIRONMENTS)
    uris = tuple((name, f"file:{tmp_path}/keys/release/shop-{name}.sealing") for name in ENVIRONMENTS)
    world.context.project = replace(world.context.project, sealing_keys=uris)
    keys = {name: load_sealing_key(uri, folder=tmp_path, environ={}) for name, uri in uris}
    return Sealed(world, keys, founded(template_files(), "shop", publics, today=date(2026, 11, 24)))


def test_what_is_sealed_is_stored_and_opens_with_the_key_of_its_environment(sealed: Sealed) -> None:
    text = sealed.seal(VALUE, 1)
    row = sealed.push()
    assert row.state == "compiled", row.findings
    stored = sealed.stored()
    production = sealed.world.context.sealing_keys("production")
    (identity,) = production
    parts = parse_sealed(text)
    assert stored["production/partner-key/1/value"] == parts.value
    assert stored[f"production/partner-key/1/keys/{identity}"] == parts.wrapped
    data_key = unwrap(stored[f"production/partner-key/1/keys/{identity}"], production[identity])
    label = Label("shop", "production", "partner-key", 1)
    assert open_value(stored["production/partner-key/1/value"], data_key, label) == VALUE
    assert {key.rpartition("/1/")[0] for key in stored} == {
        *(f"{name}/partner-key" for name in ENVIRONMENTS),
        *(f"{name}/shop-key" for name in ENVIRONMENTS),
        "staging/slack-releases",
        "production/slack-releases",
        "production/pagerduty-edge",
    }


def test_a_manifest_lists_what_nodes_need_and_nothing_that_messages_need(sealed: Sealed) -> None:
    row = sealed.push()
    stored = sealed.stored()
    assert {name: e["secrets"] for name, e in sealed.manifest(row.digest)["environments"].items()} == {
        name: {
            secret: Pinned.of(1, stored[f"{name}/{secret}/1/value"]).to_json()
            for secret in ("partner-key", "shop-key")
        }
        for name in ENVIRONMENTS
    }


def test_a_new_version_is_a_new_bundle_and_the_old_one_stays(sealed: Sealed) -> None:
    first = sealed.push()
    before = sealed.stored()
    sealed.seal(VALUE, 2)
    second = sealed.push()
    assert second.state == "compiled"
    assert second.digest != first.digest
    after = sealed.stored()
    assert sealed.manifest(second.digest)["environments"]["production"]["secrets"] == {
        "partner-key": Pinned.of(2, after["production/partner-key/2/value"]).to_json(),
        "shop-key": Pinned.of(1, after["production/shop-key/1/value"]).to_json(),
    }
    assert before.items() < after.items()
    assert {key for key in after if key not in before} == {
        "production/partner-key/2/value",
        f"production/partner-key/2/keys/{key_id(bytes(sealed.keys['production'].public_key))}",
    }


def test_back_to_the_old_version_is_the_old_bundle(sealed: Sealed) -> None:
    before = sealed.files["secrets.kdl"]
    first = sealed.push()
    sealed.seal(VALUE, 2)
    sealed.push()
    sealed.files["secrets.kdl"] = before
    assert sealed.push().digest == first.digest


def test_a_value_that_was_replaced_in_the_store_refuses_what_seals_the_true_one(sealed: Sealed) -> None:
    sealed.push()
    store = sealed.world.context.store
    place = layout.sealed_value("acme", "shop", "production", "partner-key", 1)
    store.replace(place, b"x" * 60)
    sealed.files["README.md"] = b"Another commit.\n"
    row = sealed.push()
    assert (row.state, [finding["code"] for finding in row.findings]) == ("refused", ["E-SEC-004"])


def test_another_value_over_the_interface_is_refused_before_it_is_committed(sealed: Sealed) -> None:
    sealed.push()
    before, head = sealed.stored(), tip(sealed.world).sha
    sealed.seal(b"another", 1)
    words = resource_texts(sealed.files["secrets.kdl"].decode())["secret", "partner-key"]
    row = made(sealed.world, "put", "secret", "partner-key", {"kdl": words})
    assert (row.state, row.code) == ("refused", "E-API-020")
    assert [finding["code"] for finding in row.result["findings"] if finding["severity"] == "error"] == [
        "E-SEC-004"
    ]
    assert (sealed.stored(), tip(sealed.world).sha) == (before, head)


def test_another_value_under_a_known_version_is_refused_at_its_place(sealed: Sealed) -> None:
    sealed.push()
    before = sealed.stored()
    sealed.seal(b"another", 1)
    sealed.seal(b"and a new one beside it", 2, environment="dev")
    row = sealed.push()
    (finding,) = row.findings
    line = 1 + next(
        n
        for n, text in enumerate(sealed.files["secrets.kdl"].decode().splitlines())
        if '"production"' in text
    )
    assert (row.state, finding["code"]) == ("refused", "E-SEC-004")
    assert (finding["path"], finding["line"], finding["column"]) == ("secrets.kdl", line, 25)
    assert "secret set partner-key --environment production" in finding["hint"]
    assert sealed.stored() == before
    sealed.seal(b"another", 2)
    assert sealed.push().state == "compiled"


def test_a_new_value_below_a_known_version_is_refused(sealed: Sealed) -> None:
    sealed.seal(VALUE, 4)
    sealed.push()
    sealed.seal(VALUE, 3)
    row = sealed.push()
    assert [finding["code"] for finding in row.findings] == ["E-SEC-005"]
    assert "--version 5" in row.findings[0]["hint"]


def test_a_commit_that_is_refused_for_another_reason_stores_nothing(sealed: Sealed) -> None:
    sealed.files["broken.kdl"] = b'service "x" {\n'
    assert sealed.push().state == "refused"
    assert sealed.stored() == {}


def test_a_project_of_another_name_is_refused(sealed: Sealed) -> None:
    sealed.files["project.kdl"] = sealed.files["project.kdl"].replace(b'project "shop"', b'project "shp"')
    row = sealed.push()
    assert {finding["code"] for finding in row.findings} == {"E-SEC-006"}


def test_a_rewrap_keeps_the_digest_and_adds_a_wrapped_key(sealed: Sealed, tmp_path: Path) -> None:
    first = sealed.push()
    before = sealed.stored()
    public = create_sealing_key(tmp_path / "new.sealing")
    old = sealed.keys["production"]
    text = sealed.files["secrets.kdl"].decode()
    for line in text.splitlines():
        if 'sealed "production"' in line:
            was = parse_sealed(line.split('"')[3])
            now = replace(was, key_id=key_id(public), wrapped=rewrap(was.wrapped, old, public))
            text = text.replace(was.text(), now.text())
    sealed.files["secrets.kdl"] = text.encode()
    key = KdlNode("sealing-key", (public.hex(),))
    sealed.edit("environments/production.kdl", "environment", "production", key)
    row = sealed.push()
    assert (row.state, row.digest) == ("compiled", first.digest)
    after = sealed.stored()
    assert before.items() < after.items()
    assert {name for name in after if name not in before} == {
        f"production/{name}/1/keys/{key_id(public)}"
        for name in ("partner-key", "slack-releases", "pagerduty-edge", "shop-key")
    }


def test_a_data_key_that_is_wrapped_again_stays_the_first_one(sealed: Sealed) -> None:
    was = parse_sealed(sealed.seal(VALUE, 1))
    sealed.push()
    before = sealed.stored()
    old = sealed.keys["production"]
    sealed.set(replace(was, wrapped=rewrap(was.wrapped, old, bytes(old.public_key))).text(), 1)
    assert sealed.push().state == "compiled"
    assert sealed.stored() == before


def test_both_keys_are_at_hand_while_one_is_replaced(sealed: Sealed, tmp_path: Path) -> None:
    public = create_sealing_key(tmp_path / "new.sealing")
    context = sealed.world.context
    uris = (*context.project.sealing_keys, ("production", f"file:{tmp_path}/new.sealing"))
    context.project = replace(context.project, sealing_keys=uris)
    keys = context.sealing_keys("production")
    assert set(keys) == {key_id(public), key_id(bytes(sealed.keys["production"].public_key))}
    assert bytes(keys[key_id(public)].public_key) == public
    assert context.sealing_keys("nowhere") == {}
    assert "0123456789abcdef" not in repr(keys)
    (tmp_path / "new.sealing").unlink()
    with pytest.raises(Stalled, match="E-KEY-002"):
        context.sealing_keys("production")


def test_a_secret_that_is_due_is_a_warning_on_the_commit(sealed: Sealed) -> None:
    text = sealed.files["secrets.kdl"].decode()
    sealed.files["secrets.kdl"] = text.replace('rotated="2026-11-24"', 'rotated="2025-11-23"', 1).encode()
    row = sealed.push()
    assert (row.state, [finding["code"] for finding in row.findings]) == ("compiled", ["W-SEA-001"])


TOKEN = "npm_" + "aB3dE5gH7j" * 3 + "kL9mN1"


@pytest.mark.parametrize("path", ["README.md", ".env", "docs/a.bin", "secrets.kdl", "certificates/x.pem"])
def test_a_commit_with_a_token_in_any_file_is_refused_without_repeating_it(sealed: Sealed, path: str) -> None:
    before = sealed.files.get(path, b"\0")
    sealed.files[path] = before + b"\n// " + TOKEN.encode() + b"\n"
    row = sealed.push()
    (finding,) = [f for f in row.findings if f["code"] == "E-TRE-008"]
    assert (row.state, finding["path"]) == ("refused", path)
    assert finding["line"] == sealed.files[path].count(b"\n")
    assert TOKEN not in json.dumps(row.findings)
    allowed = b"sentinelctl:allow npm because it is made up"
    sealed.files[path] = before + b"\n// " + TOKEN.encode() + b" " + allowed + b"\n"
    row = sealed.push()
    assert [f for f in row.findings if f["code"] == "E-TRE-008"] == []
    assert row.state == "compiled"


def test_a_file_that_is_too_large_to_be_searched_refuses_nothing(sealed: Sealed) -> None:
    sealed.files["photo.raw"] = TOKEN.encode() + b" " * 5 * 1024 * 1024
    assert sealed.push().state == "compiled"


def test_a_token_in_another_project_of_the_repository_is_not_ours(sealed: Sealed) -> None:
    sealed.files = {f"shop/{path}": content for path, content in sealed.files.items()}
    sealed.files["other/README.md"] = TOKEN.encode()
    context = sealed.world.context
    context.project = replace(context.project, path="shop")
    assert sealed.push().state == "compiled"
    sealed.files["shop/README.md"] = TOKEN.encode()
    row = sealed.push()
    assert [(f["code"], f["path"]) for f in row.findings] == [("E-TRE-008", "shop/README.md")]
