"""The archive: a ustar file (POSIX.1-1988) in one possible form, and its zstd frame (RFC 8878).

A tar is a pure function of its files: sorted names, mtime 0, no owners, regular files only. The reader accepts those
bytes and no others: it computes the header that we would write and compares, so links, devices, extensions, duplicates
and anything hidden between members are refused without a rule of their own. Nothing is extracted to a disk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from struct import Struct
from zlib import adler32

import zstandard

from reconciler.bundle.limits import LIMITS, Limits
from reconciler.errors import Refused

BLOCK = 512
END = bytes(2 * BLOCK)
PADDING = bytes(BLOCK)
LONGEST_NAME = 100
"""What fits into the name of a header; the folders before it fit into the prefix."""
NO_PREFIX = bytes(155)
LEVEL = 5
NAME = re.compile(rb"[A-Za-z0-9_@+][A-Za-z0-9._@+-]*(?:/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)*")
"""Relative, no empty part, no part that begins with a dot or a hyphen: so no `.`, `..`, hidden file or option."""
LONGEST_BLOCK = 128 * 1024
"""What one block of a zstd frame holds at most, unpacked (RFC 8878, 3.1.1.2.4)."""
REGULAR = ord("0")
SIZE = re.compile(rb"[0-7]{11}\0")
FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a folder",
    b"6": "a pipe",
    b"x": "an extended header",
    b"g": "a global extended header",
    b"L": "a GNU long name",
    b"K": "a GNU long link",
    b"S": "a sparse file",
}


def build_tar(files: Mapping[str, bytes], *, limits: Limits = LIMITS) -> bytes:
    """The tar of `files` (name to content). Raises `Refused` (E-BND-001, E-BND-002) for what no node would accept."""
    names = sorted(name.encode() for name in files)
    for name in names:
        if not NAME.fullmatch(name):
            raise Refused(
                "E-BND-001",
                f"the bundle cannot hold a file named {ascii(name.decode(errors='replace'))[:120]}",
            )
    _check_names(names, limits)
    parts = []
    total = len(END)
    for name in names:
        content = files[name.decode()]
        if len(content) > limits.file:
            raise _too_large(name, len(content), limits)
        padded = -len(content) % BLOCK
        total += BLOCK + len(content) + padded
        parts += [_header(name, _digits(len(content))), content, bytes(padded)]
    if total > limits.tar:
        raise Refused(
            "E-BND-002",
            f"the bundle has {total} bytes unpacked, more than the {limits.tar} that nodes accept",
        )
    return b"".join([*parts, END])


class Files(Mapping[str, bytes]):
    """The files of a tar, in the order of their names. Each is cut out when it is asked for, so that a large bundle is
    held once. `places` are the offsets of their beginnings and ends."""

    __slots__ = ("_places", "_tar", "_view")

    def __init__(self, tar: bytes, places: Mapping[str, tuple[int, int]]) -> None:
        self._tar, self._view, self._places = tar, memoryview(tar), places

    def __getitem__(self, name: str) -> bytes:
        start, end = self._places[name]
        return self._tar[start:end]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def views(self) -> Iterator[tuple[str, memoryview]]:
        """Every file without a copy of it."""
        view = self._view
        return ((name, view[start:end]) for name, (start, end) in self._places.items())

    def alike(self, one: str, other: str) -> bool:
        """Whether two files of one size have the same bytes."""
        start, end = self._places[one]
        return self._tar.startswith(self._view[start:end], self._places[other][0])


def read_tar(tar: bytes, *, limits: Limits = LIMITS) -> Files:
    """The files of a tar that is byte for byte one of ours.

    Raises `Refused`: E-BND-001 a name, E-BND-002 a count or size, E-BND-003 anything else that is not our form.
    """
    if len(tar) > limits.tar:
        raise Refused("E-BND-002", f"the tar has {len(tar)} bytes, more than {limits.tar}")
    names: list[bytes] = []
    places: dict[str, tuple[int, int]] = {}
    at, last, before = 0, len(tar) - len(END), b""
    while at < last:
        start = at + BLOCK
        name, size = _read_header(tar, at, len(names) + 1)
        if size > limits.file:
            raise _too_large(name, size, limits)
        if name <= before:
            raise Refused("E-BND-003", f"'{name.decode()}' is a duplicate or out of order in the tar")
        if len(names) == limits.files:
            raise Refused("E-BND-002", f"the tar has more than {limits.files} files")
        end = start + size
        at = end + -size % BLOCK
        if at > last or not PADDING.startswith(tar[end:at]):
            raise Refused("E-BND-003", f"'{name.decode()}' is cut short or padded with something")
        names.append(name)
        places[name.decode()] = (start, end)
        before = name
    if tar[at:] != END:
        raise Refused("E-BND-003", "the tar does not end as it should")
    _check_names(names, limits)
    return Files(tar, places)


def digest_of(tar: bytes) -> str:
    """The identity of a bundle: `sha256:` and the hex of its tar's SHA-256."""
    return f"sha256:{hashlib.sha256(tar).hexdigest()}"


def compress(tar: bytes) -> bytes:
    """One zstd frame, level 5, with the content size in its header. Its bytes may differ with the library's version."""
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=True, write_checksum=False).compress(tar)


def decompress(blob: bytes, *, limits: Limits = LIMITS, length: int | None = None) -> bytes:
    """The content of a blob that is exactly one zstd frame, read within a budget of our own.

    Never by a call that decides itself how much it returns: the frame's own content size is checked before anything is
    decompressed, and one byte more than that is asked for. `length` is what a signed document promises, if one does.
    Raises `Refused`: E-BND-004 not such a frame, E-BND-005 larger than `length` or `limits` in blob, window or content.
    """
    if len(blob) > limits.blob:
        raise Refused("E-BND-005", f"the blob has {len(blob)} bytes, more than {limits.blob}")
    most = limits.tar if length is None else min(limits.tar, length)
    size = _check_frame(blob, limits, most)
    reader = zstandard.ZstdDecompressor(max_window_size=limits.window).stream_reader(blob)
    parts, left = [], size + 1
    try:
        while left > 0 and (part := reader.read(left)):
            parts.append(part)
            left -= len(part)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Refused("E-BND-004", f"the blob cannot be decompressed: {error}") from None
    if left != 1:
        raise Refused("E-BND-004", f"the blob does not hold the {size} bytes that its header promises")
    return b"".join(parts)


def unpack(blob: bytes, *, limits: Limits = LIMITS) -> Files:
    """The files of a blob: `decompress`, then `read_tar`, with their refusals."""
    return read_tar(decompress(blob, limits=limits), limits=limits)


_OWNER = b"0000644\0" + b"0000000\0" * 2
_TIME = b"%011o\0" % 0
_REST = b"0" + bytes(100) + b"ustar\x0000" + bytes(32 + 32 + 8 + 8)
_FIXED_SUM = sum(_OWNER + _TIME + _REST + b" " * 8) - 1
"""What all headers have in common adds this to the checksum, which is taken with spaces in its own place; less the one
that an Adler-32 begins with."""
_END = bytes(12)
_CONSTANT = (_OWNER, _TIME, _REST, _END)
_FIELDS = Struct("100s24s12s12s8s189s155s12s")


def _header(name: bytes, digits: bytes) -> bytes:
    """The header of a file, whose size `_digits` wrote."""
    prefix, last = (b"", name) if len(name) <= LONGEST_NAME else _split(name)
    checksum = _checksum(prefix + last + digits)
    return _FIELDS.pack(last, _OWNER, digits, _TIME, checksum, _REST, prefix, _END)


def _checksum(varying: bytes) -> bytes:
    """The checksum of a header, written out. `varying` is what no other header needs to have, in any order."""
    # The lower half of an Adler-32 is the sum of the bytes modulo 65521, which these are too few to reach.
    return b"%06o\0 " % ((adler32(varying) & 0xFFFF) + _FIXED_SUM)


def _digits(size: int) -> bytes:
    return b"%011o\0" % size


def _split(name: bytes) -> tuple[bytes, bytes]:
    """Prefix and name of a ustar header: split at the first `/` that leaves no more than fits."""
    cut = name.find(b"/", len(name) - LONGEST_NAME - 1)
    if cut < 0 or cut > len(NO_PREFIX):
        raise Refused("E-BND-001", f"the name '{name.decode(errors='replace')[:80]}…' is too long for a tar")
    return name[:cut], name[cut + 1 :]


def _read_header(tar: bytes, at: int, number: int) -> tuple[bytes, int]:
    """Name and size. `number` is the member's, for messages: most of what is wrong with it has no name to be shown."""
    last, owner, digits, time, checksum, rest, prefix, end = _FIELDS.unpack_from(tar, at)
    name: bytes = last.rstrip(b"\0")
    varying = name + digits
    if prefix != NO_PREFIX:
        varying += prefix
        name = prefix.rstrip(b"\0") + b"/" + name
    if rest[0] != REGULAR:
        kind = KINDS.get(rest[:1], "not a regular file")
        raise Refused("E-BND-003", f"member {number} of the tar is {kind}")
    if NAME.fullmatch(name) is None:
        raise Refused(
            "E-BND-001", f"member {number} of the tar has the name {ascii(name.decode('latin-1'))[:120]}"
        )
    # Digits of that form are the ones that we write of the size that they say.
    if (
        SIZE.fullmatch(digits) is None
        or (owner, time, rest, end) != _CONSTANT
        or checksum != _checksum(varying)
        or (prefix != NO_PREFIX and tar[at : at + BLOCK] != _header(name, digits))
    ):
        raise Refused(
            "E-BND-003", f"member {number} of the tar, '{name.decode()}', has a header that we do not write"
        )
    return name, int(digits[:-1], 8)


def _check_names(names: list[bytes], limits: Limits) -> None:
    """`names` are well-formed. Names that differ in case alone, or a file that is also a folder, would lose one on a
    disk.
    """
    if not names:
        raise Refused("E-BND-002", "the bundle has no files")
    if len(names) > limits.files:
        raise Refused("E-BND-002", f"the bundle has {len(names)} files, more than {limits.files}")
    folded = {name.lower(): name for name in names}
    if len(folded) != len(names):
        raise Refused("E-BND-001", "two files of the bundle have names that differ in case alone")
    folders: set[bytes] = set()
    for low, name in folded.items():
        folder = low
        while (cut := folder.rfind(b"/")) > 0 and (folder := low[:cut]) not in folders:
            if folder in folded:
                raise Refused("E-BND-001", f"'{name.decode()}' lies in a folder that is also a file")
            folders.add(folder)


def _too_large(name: bytes, size: int, limits: Limits) -> Refused:
    return Refused("E-BND-002", f"'{name.decode()}' has {size} bytes, more than {limits.file}")


def _check_frame(blob: bytes, limits: Limits, most: int) -> int:
    """The content size of a blob that is one whole frame and nothing after it; walks the block headers only."""
    try:
        frame = zstandard.get_frame_parameters(blob)
        at = zstandard.frame_header_size(blob)
    except (zstandard.ZstdError, ValueError) as error:
        raise Refused("E-BND-004", f"the blob is not a zstd frame: {error}") from None
    if (
        not blob.startswith(FRAME_MAGIC)
        or frame.dict_id
        or frame.content_size == zstandard.CONTENTSIZE_UNKNOWN
    ):
        raise Refused("E-BND-004", "the blob is not a zstd frame with a content size and no dictionary")
    if frame.window_size > limits.window:
        raise Refused(
            "E-BND-005", f"the blob asks for a window of {frame.window_size} bytes, more than {limits.window}"
        )
    if frame.content_size > most:
        raise Refused("E-BND-005", f"the blob unpacks to {frame.content_size} bytes, more than {most}")
    blocks = 0
    last = False
    while not last:
        word = int.from_bytes(blob[at : at + 3], "little")
        last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
        at += 3 + (1 if kind == 1 else size)
        blocks += 1
        if at > len(blob) or blocks > 1024 + frame.content_size // 128:
            raise Refused("E-BND-004", "the blob is cut short, or in more pieces than any we write")
    if frame.content_size > blocks * LONGEST_BLOCK:
        # Otherwise a few bytes could make a reader set aside whatever size they claim.
        raise Refused("E-BND-004", f"the blob cannot hold the {frame.content_size} bytes that it promises")
    if at + (4 if frame.has_checksum else 0) != len(blob):
        raise Refused("E-BND-004", "something follows the zstd frame in the blob")
    return int(frame.content_size)
