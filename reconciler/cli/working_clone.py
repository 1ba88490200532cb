"""The config repository that a person works in: its KDL files, edits of single lines in them, and commits by git.

Edits keep comments and layout. A commit holds exactly the files that were edited, whatever else is staged, and is made
by the person's own git, with her name, her hooks and her signature. No key of a server is needed here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from reconciler.cli.folder import config_files
from reconciler.config.characters import escaped
from reconciler.config.editing import add_resource, set_child
from reconciler.config.kdl import KdlNode, ParsedFile, parse_file
from reconciler.config.source import LANGUAGE, SourceFile, is_read
from reconciler.config.suggest import did_you_mean
from reconciler.errors import Stalled

WORDS = 500
"""Characters of what git said that are repeated."""


class WorkingClone:
    """The `*.kdl` files below `folder`, which is the project's. Nothing is written before `save`.

    Raises `Stalled`: E-SEC-010 for a file that cannot be read, E-SEC-011 when there is not exactly one project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, ParsedFile] = {}
        self._changed: dict[str, bytes] = {}
        for file in config_files(folder):
            if file.path.endswith(LANGUAGE):
                self._files[file.path] = _parsed(file.path, file.content)
        projects = [name for _, name, _ in self.resources("project")]
        if len(projects) != 1:
            raise Stalled(
                "E-SEC-011",
                f"no config repository: there are {len(projects)} projects below {folder.resolve()}, expected one",
                cure="Run it in the project's folder of a clone, or name that with --path",
            )
        self.project = projects[0]

    def resources(self, kind: str) -> list[tuple[str, str, KdlNode]]:
        """(path, name, node) of every resource of a kind, in the order of the files."""
        return [
            (path, node.arguments[0], node)
            for path, file in self._files.items()
            for node in file.nodes
            if node.name == kind and node.arguments and isinstance(node.arguments[0], str)
        ]

    def resource(self, kind: str, name: str) -> KdlNode:
        """The node of a resource. Raises `Stalled` (E-SEC-011) when there is none."""
        found = self._find(kind, name)
        if found is None:
            known = [other for _, other, _ in self.resources(kind)]
            hint = did_you_mean(name, known)
            raise Stalled(
                "E-SEC-011",
                f"there is no {kind} '{escaped(name)[:80]}' below {self.folder.resolve()}",
                cure=f"{hint[:1].upper()}{hint[1:]}" if hint else f"There are: {', '.join(known) or 'none'}",
            )
        return found[1]

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a resource of that kind and name."""
        return self._find(kind, name) is not None

    def set_child(self, kind: str, name: str, child: KdlNode, *, keyed: bool = False) -> None:
        """Change or add a line of a resource that is there, as `editing.set_child` does."""
        found = self._find(kind, name)
        if found is None:
            raise KeyError(name)
        self._edit(found[0], lambda text: set_child(text, kind, name, child, keyed=keyed))

    def add(self, path: str, node: KdlNode) -> None:
        """Add a resource at the end of a file, which is made when it is not there."""
        self._files.setdefault(path, _parsed(path, b""))
        self._edit(path, lambda text: add_resource(text, node))

    def put(self, path: str, content: bytes) -> None:
        """Write a file that is not in the language."""
        self._changed[path] = content

    def preview(self) -> list[SourceFile]:
        """The files that a worker would read, as they would be."""
        found = {file.path: file for file in config_files(self.folder)}
        found |= {path: SourceFile(path, content) for path, content in self._changed.items() if is_read(path)}
        return list(found.values())

    def save(self, message: str, *, commit: bool, with_files: Iterable[str] = ()) -> str:
        """Write what was edited and commit it with `message`; what was done, in a sentence.

        `with_files` are committed as they stand, changed by hand or not. Raises `Stalled`: E-SEC-015 when another file
        has changes that are not committed, E-SEC-016 when git makes no commit.
        """
        also = sorted(set(with_files))
        paths = sorted({*self._changed, *also})
        if commit:
            self._check_clean([path for path in self._changed if path not in also])
        for path, content in self._changed.items():
            _replace(self.folder / path, content)
        changed = ", ".join(paths)
        self._changed.clear()
        if not commit:
            return f"changed {changed}; nothing is committed"
        self._git("add", "--intent-to-add", "--", *paths)
        self._git("commit", "--quiet", "--only", "-m", message, "--", *paths)
        return f"committed {self._git('rev-parse', '--short', 'HEAD').strip()}: {changed}"

    def path_of(self, kind: str, name: str) -> str:
        """The file that a resource stands in. Raises KeyError when there is none."""
        found = self._find(kind, name)
        if found is None:
            raise KeyError(name)
        return found[0]

    def _find(self, kind: str, name: str) -> tuple[str, KdlNode] | None:
        return next(((path, node) for path, other, node in self.resources(kind) if other == name), None)

    def _edit(self, path: str, edit: Callable[[str], str]) -> None:
        # The byte order mark and the kind of line breaks are part of the text, so they stay.
        content = edit(self._files[path].text).encode()
        self._files[path] = _parsed(path, content)
        self._changed[path] = content

    def _check_clean(self, paths: list[str]) -> None:
        dirty = self._git("status", "--porcelain", "--untracked-files=no", "--", *paths)
        if dirty:
            raise Stalled(
                "E-SEC-015",
                f"there are changes that are not committed: {', '.join(line[3:] for line in dirty.splitlines())}",
                cure="Commit or stash them first, or give --no-commit and commit everything yourself",
            )

    def _git(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.folder), *arguments], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise Stalled("E-SEC-016", "there is no git on this machine", cure="Give --no-commit") from None
        if done.returncode:
            words = " ".join(escaped((done.stderr or done.stdout).strip()[:WORDS]).split())
            raise Stalled(
                "E-SEC-016",
                f"git {arguments[0]} failed in {self.folder}: {words or done.returncode}",
                cure="Correct what git says; files that were changed are as they should be, so commit them then. "
                "Or give --no-commit",
            )
        return done.stdout


def _parsed(path: str, content: bytes) -> ParsedFile:
    file, findings = parse_file(content, path)
    if file is None:
        raise Stalled("E-SEC-010", f"a file cannot be read: {findings[0]}", cure="Correct it first")
    return file


def _replace(path: Path, content: bytes) -> None:
    """Write a file at once, so that nobody finds half of it. It keeps its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    if path.exists():
        beside.chmod(path.stat().st_mode & 0o7777)
    os.replace(beside, path)
