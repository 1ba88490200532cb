from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.bundle import archive, canonical
from reconciler.bundle.manifest import (
    LARGE,
    MANIFEST,
    check_files,
    decode_manifest,
    describe,
    encode_manifest,
)
from reconciler.errors import Refused
from reconciler.pinned import Pinned
from tests.unit.bundle.offers import bundle_files


def changed(**fields: Any) -> bytes:
    return canonical.encode({**json.loads(bundle_files()[MANIFEST]), **fields})


def test_round_trip() -> None:
    data = bundle_files()[MANIFEST]
    assert encode_manifest(decode_manifest(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(changed(type="bundle"), id="another type"),
        pytest.param(changed(more=1), id="an unknown field"),
        pytest.param(changed(environments=[]), id="environments as an array"),
        pytest.param(
            changed(
                environments={
                    "../x": {"config-id": "", "restart-key": "", "proxy-version": "", "secrets": {}}
                }
            ),
            id="a hostile name",
        ),
        pytest.param(
            changed(
                environments={
                    "a": {"config-id": "", "restart-key": "", "proxy-version": "", "secrets": ["x"]}
                }
            ),
            id="secrets",
        ),
        pytest.param(changed(files={"a": {"size": -1, "sha256": "0" * 64}}), id="a negative size"),
        pytest.param(changed(files={"a": {"size": True, "sha256": "0" * 64}}), id="a size that is no number"),
        pytest.param(changed(files={"a": {"size": 1, "sha256": "0" * 63}}), id="half a digest"),
        pytest.param(b"[]", id="no object"),
    ],
)
def test_strict(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        decode_manifest(data)
    assert caught.value.code == "E-VER-014"


def test_an_environment_has_a_configuration() -> None:
    manifest = changed(
        environments={"dev": {"config-id": "", "restart-key": "", "proxy-version": "", "secrets": {}}}
    )
    with pytest.raises(Refused, match="'dev'") as caught:
        check_files(archive.read_tar(archive.build_tar({**bundle_files(), MANIFEST: manifest})))
    assert caught.value.code == "E-BND-006"


def test_the_oldest_agent_is_there_only_where_one_is_wanted() -> None:
    parts = {"config-id": "", "restart-key": "", "proxy-version": "", "secrets": {}}
    data = changed(environments={"dev": {**parts, "agent-version": "0.2.0"}, "prod": parts})
    manifest = decode_manifest(data)
    assert {name: one.agent_version for name, one in manifest.environments.items()} == {
        "dev": "0.2.0",
        "prod": "",
    }
    assert b'"agent-version":"0.2.0"' in data
    assert encode_manifest(manifest) == data
    for wrong in ("", "two", 2):
        with pytest.raises(Refused, match="agent-version"):
            decode_manifest(changed(environments={"dev": {**parts, "agent-version": wrong}}))


def with_secrets(secrets: object) -> bytes:
    return changed(
        environments={"dev": {"config-id": "", "restart-key": "", "proxy-version": "", "secrets": secrets}}
    )


SHA = "0" * 64


def test_the_secrets_of_an_environment_are_names_versions_and_digests() -> None:
    data = with_secrets({"tls-key": {"version": 2, "sha256": SHA}})
    assert decode_manifest(data).environments["dev"].secrets == {"tls-key": Pinned(2, SHA)}


@pytest.mark.parametrize(
    "secrets",
    [
        {"Tls": {"version": 1, "sha256": SHA}},
        {"../a": {"version": 1, "sha256": SHA}},
        {"a": 1},
        {"a": ["version", "sha256"]},
        {"a": {"version": 0, "sha256": SHA}},
        {"a": {"version": True, "sha256": SHA}},
        {"a": {"version": "1", "sha256": SHA}},
        {"a": {"version": 1_000_001, "sha256": SHA}},
        {"a": {"version": 1}},
        {"a": {"sha256": SHA}},
        {"a": {"version": 1, "sha256": SHA, "more": 1}},
        {"a": {"version": 1, "sha256": SHA[1:]}},
        {"a": {"version": 1, "sha256": "A" * 64}},
        {"a": {"version": 1, "sha256": None}},
        ["a"],
    ],
)
def test_nothing_else_is_a_need_for_a_secret(secrets: object) -> None:
    with pytest.raises(Refused) as caught:
        decode_manifest(with_secrets(secrets))
    assert caught.value.code == "E-VER-014"


def test_equal_files_are_told_apart_from_others_of_their_size() -> None:
    """Large files of a tar that have one size are compared before they are hashed; each is still listed as it is."""
    contents = {"a": b"same" * LARGE, "b": b"same" * LARGE, "c": b"none" * LARGE, "d": b"none" * LARGE}
    contents |= {"e": b"same", "f": b"same", "g": b"none", "h": b"", "i": b""}
    listed = {**bundle_files(**contents)}
    read = archive.read_tar(archive.build_tar(listed))
    assert {path: file for path, file in check_files(read).files.items() if path in contents} == {
        path: describe(content) for path, content in contents.items()
    }
    for path in contents:
        changed_one = {**listed, path: (b"more" * LARGE)[: len(contents[path])] or b"m"}
        with pytest.raises(Refused, match=f"'{path}' is not the file") as caught:
            check_files(archive.read_tar(archive.build_tar(changed_one)))
        assert caught.value.code == "E-BND-006"
