"""The form of a backup: lines of JSON, compressed with zstd, perhaps sealed for a recipient.

The first line says what it is (`header`). Then come `configuration` (control-plane.kdl), an `organization` for each
with what its roots and its log were, a `row` for each row, and last `end`, the manifest: how many rows of each table
there are with their SHA-256, and the SHA-256 of everything before it, which names the backup.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import zstandard

from reconciler.errors import Refused

FORM = "sentinel-backup/1"
LEVEL = 9
WINDOW = 8 * 1024 * 1024
STEP = 1024
"""Bytes that are decompressed at a time: of so few even hostile ones become no more than 32 MiB."""

LONGEST_LINE = 4 * 1024 * 1024
CURE = "Fetch it again, or take another one"


@dataclass(slots=True)
class Digest:
    """The hashes of a backup as its lines go by."""

    whole: Any = field(default_factory=hashlib.sha256)
    tables: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def take(self, kind: str, document: Mapping[str, Any], line: bytes) -> None:
        """Count one line in."""
        self.whole.update(line)
        if kind == "row":
            name = str(document["table"])
            self.tables.setdefault(name, hashlib.sha256()).update(line)
            self.rows[name] = self.rows.get(name, 0) + 1

    def manifest(self) -> dict[str, Any]:
        """The last line."""
        tables = {
            name: {"rows": self.rows[name], "sha256": found.hexdigest()}
            for name, found in self.tables.items()
        }
        return {"kind": "end", "sha256": self.whole.hexdigest(), "tables": tables}


class LineWriter:
    """Writes the lines of one backup into `sink`, which stays open."""

    def __init__(self, sink: BinaryIO) -> None:
        self._stream = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_writer(
            sink, closefd=False
        )
        self._digest = Digest()

    def write(self, kind: str, **values: Any) -> None:
        """One line that is not the last."""
        document = {"kind": kind, **values}
        line = _line(document)
        if len(line) > LONGEST_LINE:
            raise Refused(
                "E-BAK-103",
                f"a {kind} of the backup would have {len(line)} bytes, more than are read back",
                cure="Report it with the name of the table",
            )
        self._digest.take(kind, document, line)
        self._stream.write(line)

    def close(self) -> Mapping[str, Any]:
        """Write the manifest, which is returned, and what the compressor holds back."""
        manifest = self._digest.manifest()
        self._stream.write(_line(manifest))
        self._stream.close()  # type: ignore[no-untyped-call]
        return manifest


def read_lines(source: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The lines with their numbers, the manifest last, which is held against what was read before it.

    Memory is bounded whatever the file holds. Raises `Refused` E-BAK-103 where it is not a whole backup; so who acts on
    lines as they come waits for the end.
    """
    digest, number = Digest(), 0
    ended: Mapping[str, Any] | None = None
    for number, line in enumerate(split_lines(source), start=1):
        document = _read(line, number)
        kind = document["kind"]
        if ended is not None:
            raise damaged("something follows its manifest")
        if (number == 1) != (kind == "header"):
            raise damaged(f"line {number} is a {str(kind)[:20]}")
        if kind == "end":
            if document != digest.manifest():
                raise damaged("its hashes are not those of its manifest")
            ended = document
            continue
        digest.take(kind, document, line)
        yield number, document
    if ended is None:
        raise damaged(f"it ends after line {number}, without its manifest")
    yield number, ended


def damaged(words: str) -> Refused:
    """What is said of a file that is no backup, or not a whole one."""
    return Refused("E-BAK-103", f"the backup cannot be read: {words}", cure=CURE)


def split_lines(source: BinaryIO) -> Iterator[bytes]:
    """The lines of one frame, which has to end with the source."""
    frame = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
    rest = b""
    try:
        while not frame.eof and (part := source.read(STEP)):
            *lines, rest = (rest + frame.decompress(part)).split(b"\n")
            yield from (line + b"\n" for line in lines)
            if len(rest) > LONGEST_LINE:
                raise damaged("a line is longer than any that is written")
    except zstandard.ZstdError as error:
        raise damaged(f"it is no zstd ({error})") from None
    if rest or not frame.eof:
        raise damaged("it is cut off")
    if frame.unused_data or source.read(1):
        raise damaged("something follows it")


def _line(document: Mapping[str, Any]) -> bytes:
    kind = {"kind": document["kind"]}
    rest = {name: document[name] for name in sorted(document) if name != "kind"}
    return json.dumps(kind | rest, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _read(line: bytes, number: int) -> Mapping[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise damaged(f"line {number} is no JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise damaged(f"line {number} does not say what it is")
    if document["kind"] == "row" and not (
        isinstance(document.get("table"), str) and isinstance(document.get("values"), dict)
    ):
        raise damaged(f"line {number} is no row")
    return document
