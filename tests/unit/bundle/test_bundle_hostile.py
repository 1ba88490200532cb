"""A corpus of hostile archives, each refused by a process that has little memory and little time for all of them."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from reconciler.bundle import archive
from reconciler.errors import Refused

MIB = 1024 * 1024
GIB = 1024 * MIB
MEMORY = 96 * MIB
"""What the reader may use beyond what its process has when it begins."""
SECONDS = 60

GOOD = archive.build_tar({"a": b"1", "b/c": b"2" * 1000})
BLOB = archive.compress(GOOD)
MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"evil"


def frame(content_size: int, blocks: bytes, *, window_log: int = 20) -> bytes:
    """A frame by hand: eight bytes of content size, a window, no checksum."""
    return MAGIC + bytes([0b1100_0000, (window_log - 10) << 3]) + struct.pack("<Q", content_size) + blocks


def block(kind: int, size: int, content: bytes, *, last: bool = True) -> bytes:
    """Kind 0 is raw, 1 one byte repeated, 2 compressed, 3 reserved."""
    return struct.pack("<I", size << 3 | kind << 1 | last)[:3] + content


def zeros(size: int) -> bytes:
    """A frame of `size` zeros in blocks of a repeated byte: 4 bytes for 128 KiB."""
    count = size // archive.LONGEST_BLOCK
    middle = block(1, archive.LONGEST_BLOCK, b"\0", last=False) * (count - 1)
    return frame(size, middle + block(1, archive.LONGEST_BLOCK, b"\0"))


def tar(
    *members: tuple[str, bytes, bytes], form: int = tarfile.USTAR_FORMAT, size: int | None = None
) -> bytes:
    """A tar as Python writes it: (name, type, content). `size` is what the headers claim instead of the truth."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content) if size is None else size, "/etc/passwd"
            made.addfile(info, io.BytesIO(content) if size is None else None)
    return buffer.getvalue()


def flags() -> dict[str, bytes]:
    """Every type flag but the one that is ours, in a header that is ours otherwise."""
    made = {}
    for flag in range(256):
        if flag != ord("0"):
            header = bytearray(archive._header(b"a", archive._digits(0)))
            header[156] = flag
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            made[f"type flag {flag}"] = bytes(header) + archive.END
    return made


def by_gnu_tar(folder: Path) -> dict[str, bytes]:
    """What GNU tar makes of sparse files, long names, links and devices, in its forms."""
    (folder / "d").mkdir()
    (folder / "d" / "plain").write_bytes(b"1")
    (folder / "d" / ("long" * 60)).write_bytes(b"2")
    os.symlink("plain", folder / "d" / "symlink")
    os.link(folder / "d" / "plain", folder / "d" / "hardlink")
    os.mkfifo(folder / "d" / "pipe")
    with (folder / "d" / "sparse").open("wb") as file:
        file.truncate(64 * MIB)
    made = {}
    for form in ("gnu", "posix", "v7", "ustar", "oldgnu"):
        for sparse in ("--sparse", "--no-recursion"):
            names = ["d"] if sparse == "--sparse" else ["d/plain", "d/hardlink"]
            done = subprocess.run(
                ["tar", "-C", str(folder), f"--format={form}", sparse, "-cf", "-", *names],
                capture_output=True, check=False,
            )  # fmt: skip
            made[f"GNU tar {form} {sparse}"] = done.stdout
    return made


def tars(folder: Path) -> dict[str, bytes]:
    regular, symlink = tarfile.REGTYPE, tarfile.SYMTYPE
    many = (
        b"".join(archive._header(b"f%06d" % number, archive._digits(0)) for number in range(20_000))
        + archive.END
    )
    return {
        "parent": tar(("../x", regular, b"1")),
        "absolute": tar(("/etc/cron.d/x", regular, b"1")),
        "a link and a file behind it": tar(("a", symlink, b""), ("a/b", regular, b"1")),
        "twice": tar(("a", regular, b"1"), ("a", regular, b"2")),
        "case": tar(("A", regular, b"1"), ("a", regular, b"2")),
        "a file that is a folder": tar(("a", regular, b"1"), ("a/b", regular, b"2")),
        "PAX": tar(("ä" * 90, regular, b"1"), form=tarfile.PAX_FORMAT),
        "GNU": tar(("n" * 200, regular, b"1"), form=tarfile.GNU_FORMAT),
        "8 GiB by its header": tar(("a", regular, b""), size=8 * GIB - 1),
        "more than octal can say": tar(("a", regular, b""), size=9 * GIB, form=tarfile.GNU_FORMAT),
        "the largest file there may be, and nothing": tar(("a", regular, b""), size=64 * MIB),
        "cut in a header": GOOD[:700],
        "cut in a file": GOOD[: -2 * 512 - 1024],
        "without its end": GOOD[:-1024],
        "with half an end": GOOD[:-512],
        "with more than an end": GOOD + bytes(10 * 512),
        "another tar behind it": GOOD + GOOD,
        "20,000 files": many,
        "zeros": bytes(10 * 1024),
        "nothing": b"",
        **flags(),
        **by_gnu_tar(folder),
    }


def blobs() -> dict[str, bytes]:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
    streamed = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    unknown = streamed.compress(bytes(1000)) + streamed.flush()
    return {
        "300 MiB, said": zeros(300 * MIB),
        "1 GiB, said": zeros(GIB),
        "1 GiB, not said": frame(MIB, zeros(GIB)[14:]),
        "all that 8 bytes can say": frame(2**64 - 1, block(0, 1, b"1")),
        "200 MiB said in one block": frame(200 * MIB, block(1, 1, b"1")),
        "200 MiB said, and a block that is cut": frame(200 * MIB, block(0, 128 * 1024, b"")),
        "a window of 128 MiB": frame(1000, block(0, 1000, bytes(1000)), window_log=27),
        "a window of 2 GiB": frame(1000, block(0, 1000, bytes(1000)), window_log=31),
        "a window, and no content size": unknown,
        "two frames": BLOB + BLOB,
        "a skippable frame before": SKIPPABLE + BLOB,
        "a skippable frame behind": BLOB + SKIPPABLE,
        "a skippable frame of 4 GiB": SKIPPABLE[:4] + b"\xff" * 4 + BLOB,
        "a byte behind": BLOB + b"\0",
        "a reserved block": frame(1000, block(3, 1000, bytes(1000))),
        "a compressed block of rubbish": frame(1000, block(2, 64, b"\xff" * 64)),
        "a million empty blocks": frame(1000, bytes(3) * 1_000_000 + block(0, 0, b"")),
        "cut in its header": BLOB[:7],
        "cut in a block": BLOB[:-1],
        "a legacy frame": b"\x25\xb5\x2f\xfd" + BLOB[4:],
        "gzip": b"\x1f\x8b\x08" + bytes(100),
    }


PROGRAM = """
import json, resource, sys
from pathlib import Path
from reconciler.bundle import archive
from reconciler.errors import Refused
said = {}
names = sorted(Path(sys.argv[1]).iterdir(), key=lambda path: path.name)
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[3]), int(sys.argv[3])))
for path in names:
    data = path.read_bytes()
    try:
        archive.unpack(data) if path.suffix == ".zst" else archive.read_tar(data)
        said[path.name] = "accepted"
    except Refused as refused:
        said[path.name] = refused.code
    except BaseException as error:
        said[path.name] = repr(error)
print(json.dumps(said))
"""


def read_all(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """What a confined reader says of each; names end in `.tar` or `.zst`."""
    for name, content in files.items():
        (folder / name.replace("/", "_")).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(MEMORY), str(SECONDS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(
    ("made", "ending", "codes"),
    [
        (tars, ".tar", {"E-BND-001", "E-BND-002", "E-BND-003"}),
        (lambda folder: blobs(), ".zst", {"E-BND-004", "E-BND-005"}),
    ],
    ids=["tar", "zstd"],
)
def test_each_is_refused_in_little_memory_and_time(
    tmp_path: Path, made: Callable[[Path], dict[str, bytes]], ending: str, codes: set[str]
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "read").mkdir()
    corpus = {f"{name}{ending}": content for name, content in made(tmp_path / "made").items()}
    said = read_all(tmp_path / "read", {**corpus, f"good{ending}": GOOD if ending == ".tar" else BLOB})
    assert said.pop(f"good{ending}") == "accepted"
    assert {name: code for name, code in said.items() if code not in codes} == {}
    assert len(said) == len(corpus)


def test_the_confinement_confines(tmp_path: Path) -> None:
    """A reader that set aside what a frame claims would meet the limit, so the test above means something."""
    program = PROGRAM.replace("archive.unpack(data)", "bytes(200 * 1024 * 1024)")
    (tmp_path / "x.zst").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(MEMORY), str(SECONDS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"x.zst": "MemoryError()"}


@pytest.mark.parametrize("name", ["200 MiB said in one block", "200 MiB said, and a block that is cut"])
def test_a_claim_alone_sets_nothing_aside(name: str) -> None:
    blob = blobs()[name]
    tracemalloc.start()
    with pytest.raises(Refused) as caught:
        archive.decompress(blob)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.code, peak < MIB) == ("E-BND-004", True)


def test_the_largest_bundle_that_may_be_is_held_once(tmp_path: Path) -> None:
    """What a blob unpacks to is set aside once and not twice: 64 MiB pass where 128 would not."""
    content = os.urandom(1000) + bytes(60 * MIB)
    blob = archive.compress(archive.build_tar({"a": content}))
    program = PROGRAM.replace("archive.unpack(data)", "archive.decompress(data)")
    (tmp_path / "x.zst").write_bytes(blob)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(MEMORY), str(SECONDS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"x.zst": "accepted"}
