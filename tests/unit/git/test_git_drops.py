"""Merges that leave out what was merged."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest

from reconciler.git.mirror import Mirror

WHO = pygit2.Signature("Ada", "ada@example.com", 1, 0)


def commit(repository: pygit2.Repository, files: dict[str, str], *parents: str) -> str:
    """A commit of folders with one file each."""
    root = repository.TreeBuilder()
    for folder, text in files.items():
        inner = repository.TreeBuilder()
        inner.insert("file", repository.create_blob(text.encode()), pygit2.enums.FileMode.BLOB)
        root.insert(folder, inner.write(), pygit2.enums.FileMode.TREE)
    return str(repository.create_commit(None, WHO, WHO, "x", root.write(), list(parents)))


@pytest.mark.parametrize(
    ("theirs", "result", "folder", "drops"),
    [
        pytest.param({"a": "1", "b": "2"}, {"a": "mine", "b": "2"}, "a", False, id="of another folder"),
        pytest.param({"a": "1", "b": "2"}, {"a": "mine", "b": "1"}, "b", True, id="that is dropped"),
        pytest.param({"a": "1", "b": "2"}, {"a": "mine", "b": "2"}, "b", False, id="that is taken"),
        pytest.param({"a": "2", "b": "1"}, {"a": "mine", "b": "1"}, "", True, id="all of it"),
        pytest.param(
            {"a": "mine", "b": "1"}, {"a": "mine", "b": "1"}, "a", False, id="that is there already"
        ),
    ],
)
def test_a_merge(
    tmp_path: Path, theirs: dict[str, str], result: dict[str, str], folder: str, drops: bool
) -> None:
    repository = pygit2.init_repository(tmp_path, bare=True)
    base = commit(repository, {"a": "1", "b": "1"})
    mine = commit(repository, {"a": "mine", "b": "1"}, base)
    merge = commit(repository, result, mine, commit(repository, theirs, base))
    mirror = Mirror(repository, str(tmp_path), None, tmp_path)
    assert mirror.drops(merge, folder) is drops
    assert not mirror.drops(base, folder)
    assert not mirror.drops(mine, folder)


def test_histories_that_have_nothing_in_common(tmp_path: Path) -> None:
    repository = pygit2.init_repository(tmp_path, bare=True)
    one, other = commit(repository, {"a": "1"}), commit(repository, {"a": "2"})
    merge = commit(repository, {"a": "1"}, one, other)
    assert Mirror(repository, str(tmp_path), None, tmp_path).drops(merge, "a")
