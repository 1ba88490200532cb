from __future__ import annotations

import copy
import os
import stat
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from reconciler.errors import Stalled
from reconciler.keys.uri import (
    create_key,
    create_private,
    create_sealing_key,
    load_key,
    load_sealing_key,
    load_secret,
)

SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
"""The first test vector of RFC 8032 §7.1."""
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def key_file(folder: Path, text: str = SEED, mode: int = 0o600) -> str:
    path = folder / "a.key"
    path.write_text(text)
    path.chmod(mode)
    return "file:a.key"


def stalled(uri: str, folder: Path, **environ: str) -> Stalled:
    with pytest.raises(Stalled) as caught:
        load_key(uri, folder=folder, environ=environ)
    return caught.value


def test_a_file_and_a_variable_name_the_key_of_the_rfc(tmp_path: Path) -> None:
    uri = key_file(tmp_path, f"{SEED}\n")
    for name in (uri, f"file:{tmp_path}/a.key", "env:BUNDLE_KEY"):
        key = load_key(name, folder=tmp_path, environ={"BUNDLE_KEY": SEED})
        assert bytes(key.verify_key).hex() == PUBLIC


def test_create_makes_what_load_reads_for_the_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        create_key(tmp_path / "new.key")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new.key").stat().st_mode) == 0o600
    key = load_key("file:new.key", folder=tmp_path, environ={})
    create_key(tmp_path / "other.key")
    assert bytes(key.verify_key) != bytes(load_key("file:other.key", folder=tmp_path, environ={}).verify_key)


def test_create_never_overwrites(tmp_path: Path) -> None:
    key_file(tmp_path)
    (tmp_path / "link.key").symlink_to(tmp_path / "nowhere")
    for name in ("a.key", "link.key"):
        with pytest.raises(Stalled) as caught:
            create_key(tmp_path / name)
        assert caught.value.code == "E-KEY-006"
    assert (tmp_path / "a.key").read_text() == SEED


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_file_that_others_can_reach_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    error = stalled(key_file(tmp_path, mode=mode), tmp_path)
    assert error.code == "E-KEY-003"
    assert f"chmod 600 {tmp_path}/a.key" in str(error)


def test_a_stricter_mode_is_fine(tmp_path: Path) -> None:
    load_key(key_file(tmp_path, mode=0o400), folder=tmp_path, environ={})


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("vault:x", "E-KEY-001"),
        ("a.key", "E-KEY-001"),
        ("file:", "E-KEY-001"),
        (SEED, "E-KEY-001"),
        ("file:none.key", "E-KEY-002"),
        ("file:.", "E-KEY-002"),
        ("env:NONE", "E-KEY-002"),
        ("env:SHORT", "E-KEY-004"),
        ("env:EMPTY", "E-KEY-005"),
    ],
)
def test_what_is_no_key(tmp_path: Path, uri: str, code: str) -> None:
    error = stalled(uri, tmp_path, SHORT=SEED[:-1], EMPTY=" \n")
    assert error.code == code
    assert error.cure


def test_a_device_is_no_key_file(tmp_path: Path) -> None:
    assert stalled("file:/dev/zero", tmp_path).code == "E-KEY-003"


@pytest.mark.parametrize(
    "text", [SEED[:-1], SEED + "00", f"0x{SEED[2:]}", f"{SEED[:32]} {SEED[32:]}", SEED * 2000]
)
def test_no_error_repeats_what_was_read(tmp_path: Path, text: str) -> None:
    error = stalled(key_file(tmp_path, text), tmp_path)
    assert error.code in {"E-KEY-004", "E-KEY-005"}
    for shown in (str(error), repr(error), repr(error.__cause__), repr(error.args)):
        assert SEED[4:20] not in shown


def test_a_key_pasted_as_a_uri_is_not_repeated(tmp_path: Path) -> None:
    for uri in (SEED, f"env:{SEED}", f"key:{SEED}", f"file:{SEED}", "env:hunter2-and-more"):
        message = str(stalled(uri, tmp_path))
        assert SEED[:16] not in message
        assert "hunter2" not in message


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    key = load_key(key_file(tmp_path), folder=tmp_path, environ={})
    assert isinstance(key, SigningKey)
    for shown in (repr(key), str(key), f"{key}", f"{key!r}", repr([key])):
        assert shown.strip("[]") == "<signing key>"
    with pytest.raises(TypeError, match="not copied"):
        copy.copy(key)


def test_a_secret_is_bytes_without_the_white_space_around(tmp_path: Path) -> None:
    uri = key_file(tmp_path, "  user:token with spaces \n")
    assert load_secret(uri, folder=tmp_path, environ={}) == b"user:token with spaces"
    assert load_secret("env:X", folder=tmp_path, environ={"X": "s\n"}) == b"s"


def test_a_sealing_key_is_made_for_its_owner_alone_and_does_not_show_itself(tmp_path: Path) -> None:
    public = create_sealing_key(tmp_path / "k")
    key = load_sealing_key("file:k", folder=tmp_path, environ={})
    assert bytes(key.public_key) == public
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert bytes(key).hex() == (tmp_path / "k").read_text().strip()
    for text in (str(key), repr(key), f"{key}", repr({"k": key})):
        assert "<sealing key>" in text
        assert bytes(key).hex() not in text
        assert repr(bytes(key)) not in text
    with pytest.raises(TypeError):
        copy.deepcopy(key)
    with pytest.raises(Stalled, match="E-KEY-006"):
        create_sealing_key(tmp_path / "k")
    (tmp_path / "k").write_text("00")
    with pytest.raises(Stalled, match="E-KEY-004"):
        load_sealing_key("file:k", folder=tmp_path, environ={})


def test_a_private_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(descriptor: int) -> None:
        raise OSError("the power is cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dies)
        with pytest.raises(OSError, match="the power is cut"):
            create_private(tmp_path / "a.secret", b"secret")
    assert list(tmp_path.iterdir()) == []
    create_private(tmp_path / "a.secret", b"secret")
    assert (tmp_path / "a.secret").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "a.secret", b"other")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"secret"]
