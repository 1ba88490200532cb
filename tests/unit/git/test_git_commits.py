"""Commits by tree edits: shape, determinism, signatures that git itself accepts."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest
from nacl.signing import SigningKey

from reconciler.errors import Refused
from reconciler.git.commits import read_message
from reconciler.git.identity import Identity
from reconciler.git.mirror import MAX_FILE, Mirror
from reconciler.git.sshsig import public_line
from reconciler.git.writing import commit_edit

URL = "http://127.0.0.1:1/shop.git"
KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)
ADA = Identity("Ada Operator", "ada@example.com")
WHEN = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror.open(tmp_path / "mirror.git", URL, None)


def commit(
    mirror: Mirror, parent: str | None, edits: dict[str, bytes | None], *, message="Subject", key=KEY
) -> str:
    return commit_edit(
        mirror, parent, edits, message=message, author=ADA, committer=Identity("Sentinel", "bot@example.com"),
        when=WHEN, key=key,
    )  # fmt: skip


def git(mirror: Mirror, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "-C", mirror.repository.path, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


def paths(mirror: Mirror, sha: str) -> list[str]:
    return git(mirror, "ls-tree", "-r", "--name-only", sha).stdout.split()


def test_an_orphan_commit_holds_exactly_the_edits(mirror: Mirror) -> None:
    sha = commit(mirror, None, {"a/b/c.kdl": b"1", "d.kdl": b"2", "gone.kdl": None})
    assert paths(mirror, sha) == ["a/b/c.kdl", "d.kdl"]
    assert git(mirror, "fsck", "--strict").returncode == 0
    assert mirror.commit(sha).parents == ()


def test_edits_change_add_and_remove_and_leave_the_rest(mirror: Mirror) -> None:
    first = commit(mirror, None, {"a/b.kdl": b"1", "a/keep.kdl": b"k", "c/only.kdl": b"2", "d.kdl": b"3"})
    second = commit(
        mirror, first, {"a/b.kdl": b"changed", "c/only.kdl": None, "e/new.kdl": b"4", "absent/x": None}
    )
    assert paths(mirror, second) == ["a/b.kdl", "a/keep.kdl", "d.kdl", "e/new.kdl"]
    assert mirror.read_file(second, "a/b.kdl") == b"changed"
    assert mirror.read_file(first, "a/b.kdl") == b"1"
    assert mirror.commit(second).parents == (first,)


def test_a_commit_may_remove_everything(mirror: Mirror) -> None:
    first = commit(mirror, None, {"a/b.kdl": b"1"})
    second = commit(mirror, first, {"a/b.kdl": None})
    assert mirror.commit(second).tree == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_file_may_become_a_folder_and_back(mirror: Mirror) -> None:
    first = commit(mirror, None, {"a": b"1"})
    second = commit(mirror, first, {"a/b": b"2"})
    third = commit(mirror, second, {"a": b"3"})
    assert [paths(mirror, sha) for sha in (first, second, third)] == [["a"], ["a/b"], ["a"]]


def test_equal_input_gives_an_equal_id(tmp_path: Path) -> None:
    ids = {
        commit(Mirror.open(tmp_path / name, URL, None), None, dict(edits))
        for name, edits in {"1": [("a", b"1"), ("b/c", b"2")], "2": [("b/c", b"2"), ("a", b"1")]}.items()
    }
    assert len(ids) == 1


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "../a", "a/../b", ".git/config", "a\\b", "a\nb", ".GIT/x", "git~1/x"]
)
def test_no_commit_of_ours_has_a_hostile_path(mirror: Mirror, path: str) -> None:
    with pytest.raises(ValueError, match="cannot be a path"):
        commit(mirror, None, {path: b"x"})


def test_git_itself_verifies_the_signature(mirror: Mirror, tmp_path: Path) -> None:
    sha = commit(mirror, None, {"a": b"1"}, message="Subject\n\nBody ö\n\nActor: reconciler\n")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"bot@example.com {public_line(PUBLIC)}\n")
    done = git(
        mirror, "-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", sha
    )
    assert done.returncode == 0, done.stderr
    assert 'Good "git" signature for bot@example.com' in done.stderr


def test_signed_by_knows_our_signature_and_no_other(mirror: Mirror) -> None:
    signed = commit(mirror, None, {"a": b"1"})
    unsigned = commit(mirror, None, {"a": b"1"}, key=None)
    other = commit(mirror, None, {"a": b"1"}, key=SigningKey(b"x" * 32))
    assert mirror.signed_by(signed, PUBLIC)
    assert not mirror.signed_by(unsigned, PUBLIC)
    assert not mirror.signed_by(other, PUBLIC)


def test_a_signature_does_not_move_to_another_commit(mirror: Mirror) -> None:
    signed = commit(mirror, None, {"a": b"1"})
    raw = bytes(mirror.repository.odb.read(pygit2.Oid(hex=signed))[1])
    forged = mirror.repository.odb.write(pygit2.enums.ObjectType.COMMIT, raw.replace(b"Subject", b"Subjekt"))
    assert str(forged) != signed
    assert not mirror.signed_by(str(forged), PUBLIC)
    twice = raw.replace(b"gpgsig ", b"gpgsig garbage\ngpgsig ", 1)
    again = mirror.repository.odb.write(pygit2.enums.ObjectType.COMMIT, twice)
    assert not mirror.signed_by(str(again), PUBLIC)


def test_a_commit_is_described(mirror: Mirror) -> None:
    sha = commit(
        mirror, None, {"a": b"1"}, message="Advance rollout\n\nWhy.\n\nRollout: r-1\nBundle: sha256:9f\n"
    )
    info = mirror.commit(sha)
    assert (info.sha, info.author_name, info.author_email) == (sha, "Ada Operator", "ada@example.com")
    assert info.authored_at == info.committed_at == WHEN.replace(microsecond=0)
    assert (info.subject, info.body) == ("Advance rollout", "Why.")
    assert info.trailers == (("Rollout", "r-1"), ("Bundle", "sha256:9f"))
    assert info.trailer("Bundle") == "sha256:9f"
    assert info.trailer("Nothing") is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", ("", "", ())),
        ("Subject: not a trailer", ("Subject: not a trailer", "", ())),
        ("Two\nlines\n\nA: b", ("Two lines", "", (("A", "b"),))),
        ("S\n\nA: b\nno trailer", ("S", "A: b\nno trailer", ())),
        ("S\n\nBody\n\nA: b\nA: c\n\n", ("S", "Body", (("A", "b"), ("A", "c")))),
    ],
)
def test_messages_are_split(message: str, expected: tuple) -> None:
    assert read_message(message) == expected


def test_dates_beyond_any_calendar_are_cut(mirror: Mirror) -> None:
    tree = str(mirror.repository.TreeBuilder().write()).encode()
    raw = b"tree %s\nauthor A <a> 99999999999999 +0000\ncommitter \xff <a> 5 +0000\n\n\xff" % tree
    info = mirror.commit(str(mirror.repository.odb.write(pygit2.enums.ObjectType.COMMIT, raw)))
    assert info.authored_at.year == 9999
    assert info.subject == "\ufffd"


def test_names_in_signatures_cannot_break_the_commit(mirror: Mirror) -> None:
    sha = commit_edit(
        mirror,
        None,
        {"a": b"1"},
        message="S",
        author=Identity("A <x>\nparent 0", ""),
        committer=ADA,
        when=WHEN,
        key=None,
    )
    assert mirror.commit(sha).author_name == "A xparent 0"
    assert mirror.commit(sha).author_email == "unknown"


def test_first_parents_end_at_the_limit_and_before_the_stop(mirror: Mirror) -> None:
    shas = [commit(mirror, None, {"n": b"0"})]
    for number in range(1, 5):
        shas.append(commit(mirror, shas[-1], {"n": b"%d" % number}))
    side = commit(mirror, shas[0], {"side": b"1"})
    merge = mirror.repository.create_commit(
        None, pygit2.Signature("a", "b"), pygit2.Signature("a", "b"), "merge", mirror.repository[shas[-1]].tree_id,
        [pygit2.Oid(hex=shas[-1]), pygit2.Oid(hex=side)],
    )  # fmt: skip
    everything = [str(merge), *reversed(shas)]
    assert [c.sha for c in mirror.first_parents(str(merge), limit=50, stop=None)] == everything
    assert [c.sha for c in mirror.first_parents(str(merge), limit=2, stop=None)] == everything[:2]
    assert [c.sha for c in mirror.first_parents(str(merge), limit=50, stop=shas[2])] == everything[:3]


def test_ancestors(mirror: Mirror) -> None:
    first = commit(mirror, None, {"n": b"0"})
    second = commit(mirror, first, {"n": b"1"})
    assert mirror.is_ancestor(first, second)
    assert mirror.is_ancestor(first, first)
    assert not mirror.is_ancestor(second, first)
    assert not mirror.is_ancestor("0" * 40, first)


@pytest.mark.parametrize("text", ["HEAD", "main", "main^{/.*}", "0" * 40, "0" * 39, "", "@{-1}", "../x"])
def test_revision_text_is_looked_up_and_never_parsed(mirror: Mirror, text: str) -> None:
    with pytest.raises(Refused) as refused:
        mirror.commit(text)
    assert refused.value.code == "E-GIT-020"


def test_only_regular_files_of_bounded_size_are_read(mirror: Mirror) -> None:
    sha = commit(mirror, None, {"a/b.kdl": b"1", "a/c/d.kdl": b"2", "big": b"x" * (MAX_FILE + 1)})
    assert mirror.read_file(sha, "a/x.kdl") is None
    assert mirror.read_file(sha, "a/b.kdl/x") is None
    assert mirror.list_folder(sha, "a") == ("b.kdl",)
    assert mirror.list_folder(sha, "") == ("big",)
    assert mirror.list_folder(sha, "nothing") == ()
    for path in ("big", "a"):
        with pytest.raises(Refused) as refused:
            mirror.read_file(sha, path)
        assert refused.value.code == "E-GIT-021"


def test_a_mirror_in_a_strange_folder_is_refused_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "x.git").mkdir()
    (tmp_path / "x.git" / "HEAD").write_text("no repository")
    with pytest.raises(Exception, match="cannot be opened") as stalled:
        Mirror.open(tmp_path / "x.git", URL, None)
    assert stalled.value.code == "E-GIT-008"
