"""The folder of the compile cache: what it takes and gives back, and what becomes of it when something is wrong."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import threading
from importlib.metadata import version
from pathlib import Path

import pytest

from reconciler.config.source import SourceFile
from reconciler.flows import compile_cache
from reconciler.flows.compile_cache import DIGEST, CompileCache, program

ONE = SourceFile("one.kdl", b"one")
TWO = SourceFile("deep/two.kdl", b"two")
MOST = 1024 * 1024


def cache(folder: Path, most: int = MOST, project: str = "shop") -> CompileCache:
    return CompileCache(folder, "acme", project, most)


def fill(folder: Path, entries: dict[SourceFile, bytes], project: str = "shop", most: int = MOST) -> None:
    one = cache(folder, most, project)
    one.keep(tuple(entries), {file.path: entry for file, entry in entries.items()})
    one.write()


def known(folder: Path, project: str = "shop") -> dict[bytes, bytes]:
    found = cache(folder, project=project).known([ONE, TWO])
    return {content: bytes(entry) for content, entry in found.items()}


def place(folder: Path, file: SourceFile = ONE) -> Path:
    return folder / "compile" / program() / "acme" / "shop" / hashlib.sha256(file.content).hexdigest()


def test_what_was_kept_is_known(tmp_path: Path) -> None:
    assert known(tmp_path) == {}
    fill(tmp_path, {ONE: b"first", TWO: b""})
    assert known(tmp_path) == {b"one": b"first", b"two": b""}


def test_each_project_has_a_cache_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path, {ONE: b"first"})
    assert known(tmp_path, "other") == {}


def test_an_entry_is_about_the_content_whatever_the_path(tmp_path: Path) -> None:
    fill(tmp_path, {ONE: b"first"})
    assert bytes(cache(tmp_path).known([SourceFile("elsewhere.kdl", b"one")])[b"one"]) == b"first"
    assert cache(tmp_path).known([SourceFile("one.pem", b"one")]) == {}


def test_what_is_about_no_file_of_the_compilation_is_not_kept(tmp_path: Path) -> None:
    one = cache(tmp_path)
    one.keep(
        [ONE, SourceFile("chain.pem", b"pem")], {"two.kdl": b"x", "chain.pem": b"x", "one.kdl": b"first"}
    )
    one.write()
    assert [path.name for path in place(tmp_path).parent.iterdir()] == [place(tmp_path).name]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[: DIGEST - 1], id="shorter than a digest"),
        pytest.param(lambda data: data + b"x", id="longer"),
        pytest.param(lambda data: data[:-1] + b"X", id="another byte"),
        pytest.param(lambda data: b"\0" * DIGEST + data[DIGEST:], id="another digest"),
    ],
)
def test_a_damaged_entry_is_none_and_is_written_again(tmp_path: Path, damaged: object) -> None:
    fill(tmp_path, {ONE: b"first"})
    place(tmp_path).write_bytes(damaged(place(tmp_path).read_bytes()))  # type: ignore[operator]
    assert known(tmp_path) == {}
    fill(tmp_path, {ONE: b"first"})
    assert known(tmp_path) == {b"one": b"first"}


def test_a_folder_in_the_place_of_an_entry_is_none(tmp_path: Path) -> None:
    place(tmp_path).mkdir(parents=True)
    assert known(tmp_path) == {}


def test_an_entry_that_is_too_large_is_neither_kept_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {ONE: b"12345"})
    monkeypatch.setattr(compile_cache, "MOST_ENTRY", 4)
    assert known(tmp_path) == {}
    fill(tmp_path, {TWO: b"12345"})
    assert not place(tmp_path, TWO).exists()


def test_only_the_owner_may_look_into_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        fill(tmp_path / "cache", {ONE: b"first"})
    finally:
        os.umask(before)
    entry = place(tmp_path / "cache")
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    folders = [folder for folder in entry.parents if folder.is_relative_to(tmp_path / "cache")]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 5


def test_what_another_program_made_is_removed(tmp_path: Path) -> None:
    other = tmp_path / "compile" / ("0" * 32) / "acme" / "shop"
    other.mkdir(parents=True)
    (other / "entry").write_bytes(b"x")
    kept = tmp_path / "compile" / "not-ours"
    kept.mkdir()
    fill(tmp_path, {ONE: b"first"})
    assert sorted(path.name for path in (tmp_path / "compile").iterdir()) == sorted([program(), "not-ours"])
    assert known(tmp_path) == {b"one": b"first"}


def test_the_program_is_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "a.py").write_text("A = 1\n")
    monkeypatch.setattr(compile_cache.reconciler, "__file__", str(tmp_path / "__init__.py"))
    first = program.__wrapped__()
    (tmp_path / "config" / "a.py").write_text("A = 2\n")
    assert program.__wrapped__() != first


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    fill(tmp_path, {ONE: b"1" * 100})
    fill(tmp_path, {ONE: b"1" * 100}, project="older")
    fill(tmp_path, {TWO: b"2" * 100})
    for moment, path in enumerate([place(tmp_path), place(tmp_path, TWO)], 1):
        os.utime(path, (moment, moment))
    older = place(tmp_path).parent.parent / "older" / place(tmp_path).name
    os.utime(older, (0, 0))
    used = cache(tmp_path, most=2 * (100 + DIGEST))
    used.keep([ONE], {})
    used.write()
    assert not older.exists()
    assert known(tmp_path) == {b"one": b"1" * 100, b"two": b"2" * 100}
    used = cache(tmp_path, most=100 + DIGEST)
    used.keep([ONE], {})
    used.write()
    assert known(tmp_path) == {b"one": b"1" * 100}


def test_what_a_write_left_behind_is_removed_when_there_is_too_much(tmp_path: Path) -> None:
    fill(tmp_path, {ONE: b"first"})
    left = place(tmp_path).parent / "tmpabc"
    left.write_bytes(b"x" * 1000)
    os.utime(left, (0, 0))
    fill(tmp_path, {TWO: b"second"}, most=500)
    assert not left.exists()
    assert known(tmp_path) == {b"one": b"first", b"two": b"second"}


def test_a_cache_of_no_size_is_none(tmp_path: Path) -> None:
    fill(tmp_path, {ONE: b"first"}, most=0)
    assert list(tmp_path.iterdir()) == []
    fill(tmp_path, {ONE: b"first"})
    assert cache(tmp_path, most=0).known([ONE]) == {}


def test_a_full_disk_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "secret words of the system")

    monkeypatch.setattr(compile_cache.os, "fdopen", full)
    with caplog.at_level(logging.WARNING):
        fill(tmp_path, {ONE: b"first"})
    assert "No space left on device" in caplog.text
    assert list(place(tmp_path).parent.iterdir()) == []
    monkeypatch.undo()
    fill(tmp_path, {ONE: b"first"})
    assert known(tmp_path) == {b"one": b"first"}


def test_a_folder_that_cannot_be_made_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    with caplog.at_level(logging.WARNING):
        fill(tmp_path / "cache", {ONE: b"first"})
    assert "is not written" in caplog.text
    assert known(tmp_path / "cache") == {}


def test_writers_of_the_same_entries_do_not_disturb_each_other(tmp_path: Path) -> None:
    entries = {SourceFile(f"{n}.kdl", b"%d" % n): b"%d" % n * 5000 for n in range(20)}
    writers = [threading.Thread(target=fill, args=(tmp_path, entries)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = cache(tmp_path).known(entries)
    assert {content: bytes(entry) for content, entry in found.items()} == {
        file.content: entry for file, entry in entries.items()
    }
    assert len(list(place(tmp_path).parent.iterdir())) == len(entries)


@pytest.mark.parametrize("library", ["ckdl", "cryptography", "jsonschema", "pynacl", "python-dateutil"])
def test_another_version_of_what_checks_files_is_another_program(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    before = program.__wrapped__()
    monkeypatch.setattr(
        "reconciler.flows.compile_cache.version", lambda name: "99" if name == library else version(name)
    )
    assert program.__wrapped__() != before
