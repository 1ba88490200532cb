"""The compile cache: what compilations remember of single files, in a folder that may be lost at any time.

An entry is a file, named by the SHA-256 of the configuration file that it is about, in a folder of its project, in one
of the program that made it: other code may find other things. It begins with the SHA-256 of the rest; one that does
not match is no entry, and is written again. Here entries are bytes and nothing else: they are read where files are
parsed, in a child without keys. Whatever goes wrong with the folder costs time alone.
"""

from __future__ import annotations

import hashlib
import logging
import marshal
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import reconciler
from reconciler.config.source import LANGUAGE, SourceFile

DIGEST = hashlib.sha256().digest_size
MOST_ENTRY = 64 * 1024 * 1024
"""Bytes of one entry. A file of the language has at most one MiB."""

PACKAGES = ("config", "compile")
"""The code that decides what is remembered, and what is made of it."""

LIBRARIES = ("ckdl", "cryptography", "jsonschema", "pynacl", "python-dateutil")
"""What that code asks whether something is sound: a file in which one version finds nothing may not please another."""

_PROGRAM = re.compile(r"[0-9a-f]{32}")

_log = logging.getLogger(__name__)


class CompileCache:
    """The cache of one project, for one compilation: what is known before it, and what there is to keep after."""

    def __init__(self, folder: Path, organization: str, project: str, most: int) -> None:
        self._root = folder / "compile"
        self._folder = self._root / program() / organization / project
        self._most = most
        self._used: set[str] = set()
        self._fresh: dict[str, bytes] = {}

    def known(self, files: Iterable[SourceFile]) -> dict[bytes, memoryview]:
        """The entries of files, by their content. One that is missing, damaged or too large is left out.

        For the confined child, which is where entries are read.
        """
        found: dict[bytes, memoryview] = {}
        if not self._most or not self._folder.is_dir():
            return found
        for content in {file.content for file in files if file.path.endswith(LANGUAGE)}:
            entry = _read(self._folder / _name(content))
            if entry is not None:
                found[content] = entry
        return found

    def keep(self, files: Iterable[SourceFile], remembered: Mapping[str, bytes]) -> None:
        """Note what a compilation remembered of its files, by path. What is about no file of it is left out."""
        names = {file.path: _name(file.content) for file in files if file.path.endswith(LANGUAGE)}
        self._used.update(names.values())
        for path, entry in remembered.items():
            if path in names and len(entry) <= MOST_ENTRY:
                self._fresh[names[path]] = entry

    def write(self) -> None:
        """Write what was kept, and remove what is too much: the entries that were used longest ago."""
        try:
            self._forget_other_programs()
            if self._fresh and self._most:
                self._make_folder()
                for name, entry in self._fresh.items():
                    _write(self._folder / name, entry)
            for name in self._used:
                with suppress(FileNotFoundError):
                    os.utime(self._folder / name)
            self._evict()
        except OSError as error:
            # A full disk, or a folder of somebody else: the next compilation takes longer, and that is all.
            _log.warning(
                "the compile cache in %s is not written: %s", self._root, os.strerror(error.errno or 0)
            )
        self._fresh.clear()

    def _make_folder(self) -> None:
        self._root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        organization = self._folder.parent
        for folder in (self._root, organization.parent, organization, self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _forget_other_programs(self) -> None:
        """Remove what another version made: it is of no use to this one, and nobody else knows when it is."""
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            if folder.name != program() and _PROGRAM.fullmatch(folder.name):
                shutil.rmtree(folder, ignore_errors=True)  # Another worker may be at it.

    def _evict(self) -> None:
        found = sorted(_files(self._root / program()))
        size = sum(entry.size for entry in found)
        for entry in found:
            if size <= self._most:
                return
            with suppress(FileNotFoundError):
                entry.path.unlink()
            size -= entry.size


@dataclass(frozen=True, slots=True, order=True)
class _File:
    used: int
    size: int
    path: Path


def _files(program: Path) -> Iterator[_File]:
    """All files of one program, also those that a write left behind which did not end."""
    for folder, _, names in os.walk(program):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                status = path.stat()
                yield _File(status.st_mtime_ns, status.st_size, path)


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(path: Path) -> memoryview | None:
    """An entry as it was kept, or None when there is none or something else."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(number).st_size
            data = os.read(number, size) if DIGEST <= size <= DIGEST + MOST_ENTRY else b""
        finally:
            os.close(number)
    except OSError:
        return None  # That includes a folder in its place; it is then as if there were none.
    entry = memoryview(data)[DIGEST:]
    return entry if data[:DIGEST] == hashlib.sha256(entry).digest() else None


def _write(path: Path, entry: bytes) -> None:
    """Put an entry in its place, all of it or nothing."""
    number, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(hashlib.sha256(entry).digest())
            file.write(entry)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@cache
def program() -> str:
    """Which program this is: 32 hex digits over the code that reads and compiles, and over what it stands on."""
    below = " ".join(f"{name} {version(name)}" for name in LIBRARIES)
    digest = hashlib.sha256(f"{sys.version} {marshal.version} {below}".encode())
    home = Path(reconciler.__file__).parent
    for package in PACKAGES:
        for path in sorted((home / package).rglob("*.py")):
            digest.update(f"\0{path.relative_to(home)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
