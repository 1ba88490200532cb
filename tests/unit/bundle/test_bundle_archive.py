"""The archive: one form written, that form alone read, in bounded memory."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tarfile
import tracemalloc
from typing import Any

import pytest
import zstandard

from reconciler.bundle import archive
from reconciler.bundle.limits import Limits
from reconciler.errors import Refused

FILES = {"b/two.txt": b"2" * 600, "a": b"", "b-c": b"x" * 512, "b/deep/er/file.kdl": b"node 1\n"}
MIB = 1024 * 1024


def code(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value.code


def by_tarfile(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """A tar as Python's own library writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def forged(name: bytes, content: bytes = b"", **changes: bytes) -> bytes:
    """Header and content of one member in our form, with a right checksum, some fields changed."""
    block = archive._header(name, archive._digits(len(content)))
    for place, value in changes.items():
        at = {"size": 124, "mode": 100, "mtime": 136, "uname": 265, "link": 157}[place]
        block = block[:at] + value + block[at + len(value) :]
    block = block[:148] + b" " * 8 + block[156:]
    block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    return block + content + bytes(-len(content) % 512)


def test_round_trip() -> None:
    assert archive.unpack(archive.compress(archive.build_tar(FILES))) == FILES


def test_order_of_the_mapping_does_not_matter() -> None:
    assert archive.build_tar(FILES) == archive.build_tar(dict(reversed(FILES.items())))


def test_other_programs_read_it() -> None:
    long = {f"{'folder-' * 12}/{'file-' * 12}.kdl": b"1", "plain": b"2"}
    with tarfile.open(fileobj=io.BytesIO(archive.build_tar(long))) as tar:
        assert {m.name: tar.extractfile(m).read() for m in tar} == long  # type: ignore[union-attr]
        assert [m.name for m in tar] == sorted(long)
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}
    assert archive.read_tar(archive.build_tar(long)) == long


def test_gnu_tar_reads_it() -> None:
    done = subprocess.run(
        ["tar", "-tf", "-"], input=archive.build_tar(FILES), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == sorted(FILES)
    assert done.stderr == b""


def test_the_digest_never_changes() -> None:
    assert (
        archive.digest_of(archive.build_tar(FILES))
        == "sha256:94440869afac94277d745835b4c2bb0d99d921bdecb6e2c25485467af70ddb5a"
    )


@pytest.mark.parametrize(
    ("members", "words"),
    [
        pytest.param(
            [member("l", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "symbolic link", id="symlink"
        ),
        pytest.param([member("l", type=tarfile.LNKTYPE, linkname="a")], "hard link", id="hard link"),
        pytest.param([member("d", type=tarfile.CHRTYPE, devmajor=1)], "character device", id="device"),
        pytest.param([member("d", type=tarfile.BLKTYPE)], "block device", id="block device"),
        pytest.param([member("p", type=tarfile.FIFOTYPE)], "pipe", id="pipe"),
        pytest.param([member("d", type=tarfile.DIRTYPE)], "folder", id="folder"),
        pytest.param([member("s", type=tarfile.GNUTYPE_SPARSE)], "sparse", id="sparse"),
    ],
)
def test_only_regular_files(members: list[Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        archive.read_tar(by_tarfile(*members))
    assert caught.value.code == "E-BND-003"


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_no_extensions(form: int) -> None:
    assert code(archive.read_tar, by_tarfile(member("n" * 300, b"1"), form=form)) == "E-BND-003"


def test_link_then_write() -> None:
    tar = by_tarfile(member("a", type=tarfile.SYMTYPE, linkname="/tmp"), member("a/b", b"1"))
    assert code(archive.read_tar, tar) == "E-BND-003"


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../x",
        "a/../b",
        "a/./b",
        "./a",
        "a//b",
        "a/",
        "",
        ".git/config",
        "-rf",
        "a\nb",
        "a\\b",
        "C:x",
        "ä",
        "a b",
    ],
    ids=ascii,
)
def test_names(name: str) -> None:
    raw = name.encode()
    assert code(archive.build_tar, {name: b""}) == "E-BND-001"
    assert code(archive.read_tar, forged(raw) + archive.END) == "E-BND-001"


def test_names_too_long_for_a_tar() -> None:
    assert code(archive.build_tar, {"x" * 101: b""}) == "E-BND-001"
    assert code(archive.build_tar, {"/".join(["x" * 90] * 4): b""}) == "E-BND-001"


def test_names_that_some_file_systems_take_for_one() -> None:
    assert code(archive.build_tar, {"a": b"", "A": b""}) == "E-BND-001"
    assert code(archive.build_tar, {"a": b"", "A/b": b""}) == "E-BND-001"
    assert code(archive.read_tar, forged(b"A") + forged(b"a") + archive.END) == "E-BND-001"
    assert code(archive.read_tar, forged(b"a") + forged(b"a/b") + archive.END) == "E-BND-001"


def test_duplicates_and_disorder() -> None:
    assert code(archive.read_tar, forged(b"a") + forged(b"a") + archive.END) == "E-BND-003"
    assert code(archive.read_tar, forged(b"b") + forged(b"a") + archive.END) == "E-BND-003"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"mode": b"0004755"}, id="set-uid"),
        pytest.param({"mtime": b"00000000001"}, id="a time"),
        pytest.param({"uname": b"root"}, id="an owner"),
        pytest.param({"link": b"/etc/passwd"}, id="a link's target"),
        pytest.param({"size": b"\x80" + bytes(10)}, id="a base-256 size"),
        pytest.param({"size": b"-0000000001"}, id="a negative size"),
        pytest.param({"size": b"         1 "}, id="a padded size"),
    ],
)
def test_headers_that_we_do_not_write(changes: dict[str, bytes]) -> None:
    assert archive.read_tar(forged(b"a", b"1") + archive.END) == {"a": b"1"}
    assert code(archive.read_tar, forged(b"a", b"1", **changes) + archive.END) == "E-BND-003"


@pytest.mark.parametrize(
    "tar",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(archive.END, id="no files"),
        pytest.param(forged(b"a", b"1"), id="no end"),
        pytest.param(forged(b"a", b"1") + archive.END[:-1], id="half an end"),
        pytest.param(forged(b"a", b"1") + archive.END + b"\0", id="more than an end"),
        pytest.param(forged(b"a", b"1") + archive.END[:-1] + b"!", id="hidden in the end"),
        pytest.param(
            forged(b"a", b"1") + archive.END + forged(b"b") + archive.END, id="hidden after the end"
        ),
        pytest.param(forged(b"a", b"1")[:-1] + b"!" + archive.END, id="hidden in the padding"),
        pytest.param(forged(b"a", b"1", size=b"00000002000") + archive.END, id="a size beyond the end"),
        pytest.param(b"\0" * 512 + forged(b"a"), id="zeros first"),
    ],
)
def test_shapes_that_we_do_not_write(tar: bytes) -> None:
    assert code(archive.read_tar, tar) in {"E-BND-002", "E-BND-003"}


def test_counts_and_sizes() -> None:
    two = archive.build_tar({"a": b"12", "b": b"34"})
    assert code(archive.read_tar, two, limits=Limits(files=1)) == "E-BND-002"
    assert code(archive.read_tar, two, limits=Limits(file=1)) == "E-BND-002"
    assert code(archive.read_tar, two, limits=Limits(tar=len(two) - 1)) == "E-BND-002"
    assert code(archive.build_tar, {"a": b"12"}, limits=Limits(file=1)) == "E-BND-002"
    assert code(archive.build_tar, {"a": b"", "b": b""}, limits=Limits(files=1)) == "E-BND-002"
    assert code(archive.build_tar, {"a": b"12"}, limits=Limits(tar=512)) == "E-BND-002"


def test_a_bomb_that_tells_its_size_is_refused_unopened() -> None:
    bomb = zstandard.ZstdCompressor(level=9).compress(bytes(300 * MIB))
    assert len(bomb) < 64 * 1024
    tracemalloc.start()
    assert code(archive.decompress, bomb) == "E-BND-005"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


def test_a_bomb_that_lies_about_its_size_is_stopped() -> None:
    """The frame header says 1 MiB, the blocks hold 64: one-shot decompression would return what the blocks hold."""
    honest = zstandard.ZstdCompressor(level=9).compress(bytes(64 * MIB))
    size = zstandard.get_frame_parameters(honest).content_size
    at = honest.index(struct.pack("<I", size))
    lying = honest[:at] + struct.pack("<I", MIB) + honest[at + 4 :]
    tracemalloc.start()
    assert code(archive.decompress, lying) == "E-BND-004"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_wide_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=True)
    noise = os.urandom(1024)
    wide = zstandard.ZstdCompressor(compression_params=parameters)
    frame = wide.compressobj(size=-1)
    unknown = frame.compress(noise) + frame.flush()
    assert code(archive.decompress, unknown) == "E-BND-004"
    assert code(archive.decompress, wide.compress(bytes(200 * MIB))) == "E-BND-005"


def test_a_dictionary_is_refused() -> None:
    samples = [b"listener %d { address 10.0.0.%d }" % (n, n % 250) * 4 for n in range(2000)]
    known = zstandard.train_dictionary(1024, samples)
    blob = zstandard.ZstdCompressor(dict_data=known).compress(archive.build_tar(FILES))
    with pytest.raises(Refused, match="no dictionary") as caught:
        archive.decompress(blob)
    assert caught.value.code == "E-BND-004"


@pytest.mark.parametrize(
    "after",
    [b"\0", archive.compress(b""), archive.compress(b"more"), b"\x50\x2a\x4d\x18\x04\0\0\0evil"],
    ids=["a byte", "an empty frame", "a frame", "a skippable frame"],
)
def test_nothing_follows_the_frame(after: bytes) -> None:
    blob = archive.compress(archive.build_tar(FILES))
    assert code(archive.decompress, blob + after) == "E-BND-004"


@pytest.mark.parametrize(
    "blob", [b"", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\x04\0\0\0evil", b"PK\x03\x04" * 9], ids=ascii
)
def test_what_is_no_frame(blob: bytes) -> None:
    assert code(archive.decompress, blob) == "E-BND-004"


def test_every_truncation_is_refused() -> None:
    blob = archive.compress(archive.build_tar(FILES))
    for length in range(len(blob)):
        assert code(archive.decompress, blob[:length]) == "E-BND-004"


def test_a_blob_larger_than_allowed_is_not_looked_at() -> None:
    assert code(archive.decompress, bytes(11), limits=Limits(blob=10)) == "E-BND-005"


def test_a_frame_of_a_million_empty_blocks_is_refused() -> None:
    blob = archive.compress(b"x" * 100)
    header = blob[: zstandard.frame_header_size(blob)]
    assert code(archive.decompress, header + bytes(3) * 1_000_000 + b"\x01\0\0") == "E-BND-004"


def test_the_verifier_needs_the_base_install_alone() -> None:
    program = """
import sys, importlib.abc
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {"reconciler", "nacl", "_cffi_backend", "cffi", "zstandard"}:
            raise ImportError(f"the verifier imported {name}")
        if name.startswith("reconciler.") and name.split(".")[1] not in {"bundle", "errors", "clock", "pinned"}:
            raise ImportError(f"the verifier imported {name}")
sys.meta_path.insert(0, Blocker())
import reconciler.bundle.verify, reconciler.bundle.archive, reconciler.bundle.manifest
import reconciler.bundle.statement, reconciler.bundle.pointer, reconciler.bundle.root
assert "socket" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
