"""Hostile trees: what libgit2 returns unchanged and checkout alone would refuse."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from reconciler.errors import Refused
from reconciler.git.mirror import Mirror
from reconciler.git.reading import DEFAULT_LIMITS, Limits, read_tree

FILE, FOLDER, LINK, GITLINK = 0o100644, 0o40000, 0o120000, 0o160000


class Forge:
    """Writes trees byte by byte, since no library makes hostile ones."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.odb = mirror.repository.odb

    def blob(self, data: bytes = b"data") -> bytes:
        return self.odb.write(ObjectType.BLOB, data).raw

    def tree(self, *entries: tuple[int, bytes, bytes]) -> bytes:
        raw = b"".join(b"%o %s\0%s" % entry for entry in entries)
        folder = Path(self.mirror.repository.path) / "objects"
        store = b"tree %d\0%s" % (len(raw), raw)
        digest = hashlib.sha1(store, usedforsecurity=False)
        path = folder / digest.hexdigest()[:2] / digest.hexdigest()[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(store))
        return digest.digest()

    def commit(self, tree: bytes) -> str:
        raw = b"tree %s\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nx\n" % tree.hex().encode()
        return str(self.odb.write(ObjectType.COMMIT, raw))

    def read(self, *entries: tuple[int, bytes, bytes], **options: object):
        return read_tree(self.mirror, self.commit(self.tree(*entries)), **options)


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(Mirror.open(tmp_path / "mirror.git", "http://127.0.0.1:1/x.git", None))


def problems(read) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in read.problems]


def test_selected_files_are_read_in_the_order_of_their_paths(forge: Forge) -> None:
    blob = forge.blob(b"hello")
    inner = forge.tree((FILE, b"b.kdl", blob), (0o100755, b"run.sh", blob))
    read = forge.read(
        (FILE, b"README.md", blob),
        (FILE, b"z.kdl", blob),
        (FOLDER, b"a", inner),
        select=lambda p: p.endswith(".kdl"),
    )
    assert read.problems == ()
    assert read.files == (("a/b.kdl", blob.hex(), b"hello"), ("z.kdl", blob.hex(), b"hello"))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"..", "E-GIT-101"),
        (b".", "E-GIT-101"),
        (b".git", "E-GIT-101"),
        (b".GIT", "E-GIT-101"),
        (b".git ", "E-GIT-101"),
        (b".git.", "E-GIT-101"),
        (b"git~1", "E-GIT-101"),
        (b"GIT~2", "E-GIT-101"),
        (b".git::$INDEX_ALLOCATION", "E-GIT-101"),
        (".g\u200cit".encode(), "E-GIT-102"),
        (b"a/b", "E-GIT-101"),
        (b"a\\b", "E-GIT-101"),
        (b"x\ny", "E-GIT-102"),
        (b"x\x1b[31m", "E-GIT-102"),
        (b"x\x7f", "E-GIT-102"),
        (b"\xff\xfe", "E-GIT-102"),
        ("x\u202ey".encode(), "E-GIT-102"),
        (b"x" * 256, "E-GIT-103"),
    ],
)
def test_hostile_names_are_problems_even_where_nobody_reads(forge: Forge, name: bytes, code: str) -> None:
    read = forge.read((FILE, name, forge.blob()), select=lambda path: False)
    assert [problem.code for problem in read.problems] == [code]
    assert read.problems[0].path.isprintable()
    folder = forge.read((FOLDER, name, forge.tree()), select=lambda path: False)
    assert [problem.code for problem in folder.problems] == [code]


def test_duplicate_and_colliding_names(forge: Forge) -> None:
    blob = forge.blob()
    assert problems(forge.read((FILE, b"a", blob), (FILE, b"a", blob))) == [("a", "E-GIT-104")]
    assert problems(forge.read((FILE, b"A.kdl", blob), (FILE, b"a.kdl", blob))) == [("a.kdl", "E-GIT-104")]
    composed, decomposed = "\u00e9".encode(), "e\u0301".encode()
    assert [p.code for p in forge.read((FILE, decomposed, blob), (FILE, composed, blob)).problems] == [
        "E-GIT-104"
    ]


def test_links_and_submodules_name_their_path(forge: Forge) -> None:
    inner = forge.tree((LINK, b"passwd", forge.blob(b"/etc/passwd")), (GITLINK, b"sub", b"\x01" * 20))
    read = forge.read((FOLDER, b"a", inner))
    assert problems(read) == [("a/passwd", "E-GIT-105"), ("a/sub", "E-GIT-106")]
    assert read.files == ()


def test_odd_modes_are_those_of_files_and_folders(forge: Forge) -> None:
    inner = forge.tree((0o100664, b"old", forge.blob()), (0o100777, b"odd", forge.blob()))
    read = forge.read((0o40755, b"a", inner), (0o107777, b"z", forge.blob()))
    assert read.problems == ()
    assert [path for path, _, _ in read.files] == ["a/odd", "a/old", "z"]


def test_only_the_projects_folder_matters_but_all_of_it(forge: Forge) -> None:
    good = forge.tree((FILE, b"a.kdl", forge.blob()))
    hostile = forge.tree((LINK, b"l", forge.blob()), (FILE, b"..", forge.blob()))
    entries = ((FOLDER, b"bad", hostile), (FOLDER, b"good", good))
    assert forge.read(*entries, folder="good").problems == ()
    assert [path for path, _, _ in forge.read(*entries, folder="good").files] == ["good/a.kdl"]
    assert len(forge.read(*entries, folder="bad").problems) == 2
    assert problems(forge.read(*entries, folder="missing/x")) == [("missing/x", "E-GIT-113")]
    assert problems(forge.read((FILE, b"file", forge.blob()), folder="file")) == [("file", "E-GIT-113")]


def test_every_limit_stops_the_reading(forge: Forge) -> None:
    blob = forge.blob(b"x" * 100)
    many = [(FILE, b"f%04d" % number, blob) for number in range(50)]
    assert problems(forge.read(*many, limits=Limits(files=49))) == [("f0049", "E-GIT-108")]
    assert forge.read(*many, limits=Limits(files=50)).problems == ()
    assert [p.code for p in forge.read(*many, limits=Limits(tree_bytes=100)).problems] == ["E-GIT-108"]
    assert problems(forge.read(many[0], limits=Limits(file_bytes=99))) == [("f0000", "E-GIT-111")]
    assert forge.read(many[0], limits=Limits(file_bytes=100)).problems == ()
    assert problems(forge.read(*many[:3], limits=Limits(total_bytes=250))) == [("f0002", "E-GIT-112")]
    deep = forge.tree((FILE, b"f", blob))
    for _ in range(5):
        deep = forge.tree((FOLDER, b"d", deep))
    assert problems(forge.read((FOLDER, b"d", deep), limits=Limits(depth=6))) == [
        ("d/d/d/d/d/d", "E-GIT-109")
    ]
    assert forge.read((FOLDER, b"d", deep), limits=Limits(depth=7)).problems == ()
    assert [p.code for p in forge.read((FOLDER, b"d", deep), limits=Limits(path_bytes=5)).problems] == [
        "E-GIT-103"
    ]


def test_a_tree_bomb_ends_at_the_limit(forge: Forge) -> None:
    level = forge.tree((FILE, b"f", forge.blob()))
    for _ in range(12):
        level = forge.tree(*((FOLDER, b"d%d" % number, level) for number in range(10)))
    read = forge.read((FOLDER, b"bomb", level))
    assert [problem.code for problem in read.problems] == ["E-GIT-108"]


def test_a_blob_bomb_is_never_inflated(forge: Forge) -> None:
    bomb = forge.blob(b"\0" * (DEFAULT_LIMITS.file_bytes + 1))
    assert problems(forge.read((FILE, b"bomb.kdl", bomb))) == [("bomb.kdl", "E-GIT-111")]


def test_a_missing_object_is_named(forge: Forge) -> None:
    assert problems(forge.read((FILE, b"a", b"\x07" * 20))) == [("a", "E-GIT-114")]
    assert problems(forge.read((FOLDER, b"a", b"\x07" * 20))) == [("a", "E-GIT-114")]


def test_a_thousand_problems_are_not_listed(forge: Forge) -> None:
    read = forge.read(*((LINK, b"l%04d" % number, forge.blob()) for number in range(1000)))
    assert len(read.problems) == 100


def test_git_attributes_modules_and_large_file_pointers_are_only_files(forge: Forge) -> None:
    read = forge.read(
        (FILE, b".gitattributes", forge.blob(b"* filter=lfs")),
        (FILE, b".gitmodules", forge.blob(b'[submodule "x"]')),
    )
    assert read.problems == ()
    assert len(read.files) == 2


def test_a_tree_id_is_not_a_commit(forge: Forge) -> None:
    with pytest.raises(Refused):
        read_tree(forge.mirror, str(pygit2.Oid(raw=forge.tree())))


def test_others_are_read_as_far_as_their_limits_go_and_are_no_problem(forge: Forge) -> None:
    limits = Limits(other_file_bytes=10, other_bytes=15, total_bytes=10)
    entries = (
        (FILE, b"a.kdl", forge.blob(b"0123456789")),
        (FILE, b"b.txt", forge.blob(b"b" * 10)),
        (FILE, b"c.bin", forge.blob(b"c" * 11)),
        (FILE, b"d.txt", forge.blob(b"d" * 6)),
        (FILE, b"e.txt", forge.blob(b"e" * 5)),
    )
    read = forge.read(*entries, limits=limits, select=lambda path: path.endswith(".kdl"), others=True)
    assert (problems(read), [path for path, _, _ in read.files]) == ([], ["a.kdl"])
    assert [(path, content) for path, _, content in read.others] == [
        ("b.txt", b"b" * 10),
        ("e.txt", b"e" * 5),
    ]
    assert forge.read(*entries, select=lambda path: path.endswith(".kdl")).others == ()
