"""Secrets from a keyboard into the store, with the real tools: a canary that must be found nowhere, and a new key."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pygit2
import pytest
from click.testing import CliRunner

from reconciler.bundle import archive
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.sealed import Label, key_id, open_value, unwrap
from reconciler.cli.main import group
from reconciler.db import models, owed, session
from reconciler.jobs import queue
from reconciler.keys.uri import load_sealing_key
from reconciler.settings import read_settings
from reconciler.store import layout
from tests.integration.test_flow_secrets import Sealed, git_server, sealed, world

__all__ = ["git_server", "sealed", "world"]

CANARY = b"canary-7f3a9c-\xe2\x99\x9e-kfr20d:partner"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def clone(sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's clone of the repository, as it was founded."""
    assert sealed.push().state == "compiled"
    folder = tmp_path / "clone"
    git(
        tmp_path, "clone", "--quiet", "--branch", "main", sealed.world.context.project.repository, str(folder)
    )
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.com")
    monkeypatch.chdir(folder)
    return folder


def sentinelctl(*arguments: str, value: bytes | None = None) -> str:
    result = CliRunner().invoke(group, list(arguments), input=value)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def pushed(sealed: Sealed, clone: Path) -> Any:
    """Push what the clone has, let the flow run, and give the commit's row."""
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    sealed.world.run()
    return sealed.world.row(git(clone, "rev-parse", "HEAD").strip())


def spellings(value: bytes) -> list[bytes]:
    """The value as it is and as it may have been written on the way: hex, base64 at each alignment, JSON."""
    found = [value, value.hex().encode(), value[:13], json.dumps(value.decode())[1:-1].encode()]
    for skip in range(3):
        for alphabet in (None, b"-_"):
            text = base64.b64encode(value[skip:], altchars=alphabet).rstrip(b"=")
            found.append(text[:-2])
    return found


def rows() -> Iterator[tuple[str, bytes]]:
    with session.reading():
        for model in models.Table.__subclasses__():
            for row in model.select().dicts():
                yield model.__name__, json.dumps(row, default=str, ensure_ascii=False).encode()


def objects(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every object of every repository below a folder, as git packs and compresses it nowhere."""
    for head in folder.rglob("HEAD"):
        if not (head.parent / "objects").is_dir():
            continue
        repository = pygit2.Repository(str(head.parent))
        for oid in repository.odb:
            yield f"{head.parent}: {oid}", bytes(repository.odb.read(oid)[1])


def everything(sealed: Sealed, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Whatever is on disk, in the database, in git and in the store, bundles unpacked."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
    yield from objects(folder)
    yield "bare", b"".join(content for _, content in objects(sealed.world.bare.parent))
    yield from rows()
    store = sealed.world.context.store
    for key in store.list(""):
        content = store.get(key, limit=LIMITS.blob)
        yield key, content
        if key.endswith(".tar.zst"):
            yield from ((f"{key}: {name}", data) for name, data in archive.unpack(content).items())


def test_a_value_is_found_nowhere_on_its_way_but_on_the_node_that_opens_it(
    sealed: Sealed,
    clone: Path,
    tmp_path: Path,
    valkey_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    said = sentinelctl("secret", "rotate", "partner-key", "--environment", "production", value=CANARY)
    said += sentinelctl("secret", "set", "new", "--environment", "dev", value=CANARY)
    said += sentinelctl("secret", "list") + sentinelctl("secret", "show", "partner-key", "--json")
    said += sentinelctl("validate", "--json") + sentinelctl("diff", "HEAD", ".", "--json")
    row = pushed(sealed, clone)
    assert row.state == "compiled", row.findings
    work = [
        owed.Owed("acme", "shop", "trunk", "", "1-0"),
        owed.Owed("acme", "shop", "environment", "dev", "1-0"),
    ]
    connection = queue.open_queue(read_settings({"REDIS_URL": valkey_url}))
    queue.dispatch(connection, work, now=datetime.now(UTC))

    seen = [("said", said.encode()), ("logs", caplog.text.encode()), *everything(sealed, tmp_path)]
    for name in connection.keys("*"):
        kind = connection.type(name)
        held = connection.hgetall(name) if kind == b"hash" else connection.dump(name)
        seen.append((f"queue {name!r}", repr(held).encode()))
    assert len(seen) > 100
    for where, content in seen:
        for spelling in spellings(CANARY):
            assert spelling not in content, where

    # It did travel: the one who holds the environment's key, and nobody else, can open it.
    stored = sealed.stored()
    identity = key_id(bytes(sealed.keys["production"].public_key))
    data_key = unwrap(stored[f"production/partner-key/2/keys/{identity}"], sealed.keys["production"])
    label = Label("shop", "production", "partner-key", 2)
    assert open_value(stored["production/partner-key/2/value"], data_key, label) == CANARY


def test_a_sweep_would_find_it(sealed: Sealed, clone: Path, tmp_path: Path) -> None:
    """The sweep above is worth something: what is written out is found, packed by git or not."""
    (clone / "notes.txt").write_bytes(CANARY)
    git(clone, "add", "notes.txt")
    git(clone, "commit", "--quiet", "-m", "Careless")
    (clone / "notes.txt").unlink()
    assert [where for where, content in everything(sealed, tmp_path) if CANARY in content]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("secrets.kdl", r'sealed "dev" "[^"]*"', 'sealed "dev" "VALUE"'),
        ("policies.kdl", r'"\$\{secret:partner-key\}"', '"VALUE"'),
        ("operations/notifications.kdl", r'"\$\{secret:slack-releases\}"', '"VALUE"'),
        (
            "operations/notifications.kdl",
            r'"\$\{secret:slack-releases\}"',
            '"x ${secret:slack-releases} VALUE"',
        ),
    ],
)
def test_a_value_that_somebody_writes_out_is_refused_and_repeated_nowhere(
    sealed: Sealed, clone: Path, path: str, old: str, new: str
) -> None:
    text, count = re.subn(
        old, lambda _: new.replace("VALUE", CANARY.decode()), (clone / path).read_text(), count=1
    )
    assert count == 1
    (clone / path).write_text(text)
    result = CliRunner().invoke(group, ["validate"])
    assert result.exit_code == 1
    git(clone, "commit", "--quiet", "-am", "Careless")
    row = pushed(sealed, clone)
    assert row.state == "refused"
    for where, content in [("validate", result.output.encode()), *rows()]:
        for spelling in spellings(CANARY):
            assert spelling not in content, where


def test_an_environments_key_is_replaced_without_a_new_bundle(
    sealed: Sealed, clone: Path, tmp_path: Path
) -> None:
    context = sealed.world.context
    before = sealed.world.row(git(clone, "rev-parse", "HEAD").strip())
    stored = sealed.stored()
    old = key_id(bytes(sealed.keys["production"].public_key))

    # An operator makes the key where the control plane runs, names it beside the old one, and hands on the public half.
    said = sentinelctl(
        "secret", "keygen", "--environment", "production", "--out", str(tmp_path / "next.sealing")
    )
    found = re.search(r'^    sealing-key "([0-9a-f]{64})"$', said, re.MULTILINE)
    assert found is not None
    uris = (*context.project.sealing_keys, ("production", f"file:{tmp_path}/next.sealing"))
    context.project = replace(context.project, sealing_keys=uris)
    new = key_id(bytes.fromhex(found[1]))
    assert set(context.sealing_keys("production")) == {old, new}

    # Whoever holds the old key makes one commit of the change.
    old_uri = f"file:{tmp_path}/keys/release/shop-production.sealing"
    arguments = ("--environment", "production", "--old-key", old_uri, "--new-key", found[1])
    sentinelctl("secret", "rewrap", *arguments)
    assert git(clone, "rev-list", "--count", "origin/main..HEAD").strip() == "1"
    assert "no difference" in sentinelctl("diff", "origin/main", ".", "--environment", "production")
    row = pushed(sealed, clone)

    assert (row.state, row.digest) == ("compiled", before.digest)
    with session.reading():
        assert models.Bundle.select().count() == 1
    after = sealed.stored()
    assert stored.items() < after.items()
    added = sorted(set(after) - set(stored))
    assert added == [
        f"production/{name}/1/keys/{new}"
        for name in ("pagerduty-edge", "partner-key", "shop-key", "slack-releases")
    ]
    assert layout.wrapped_key("acme", "shop", "production", "partner-key", 1, new).endswith(added[1])

    # The new key alone opens what the old one opened, so the old one can go.
    context.project = replace(context.project, sealing_keys=uris[-1:])
    (key,) = context.sealing_keys("production").values()
    label = Label("shop", "production", "partner-key", 1)
    value = open_value(
        after["production/partner-key/1/value"],
        unwrap(after[f"production/partner-key/1/keys/{new}"], key),
        label,
    )
    was = load_sealing_key(old_uri, folder=tmp_path, environ={})
    assert value.endswith(b":partner")
    assert value == open_value(
        after["production/partner-key/1/value"],
        unwrap(after[f"production/partner-key/1/keys/{old}"], was),
        label,
    )
