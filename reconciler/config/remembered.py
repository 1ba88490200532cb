"""What an earlier reading found in a file, as bytes that may be kept, and how it becomes resources again.

Only files are remembered in which nobody found anything, so that every finding comes from a file that was read. What
makes up a file's resources depends on its bytes alone: what comes from templates, or makes some, is not remembered.
The bytes are trusted as little as the file is: they are read where files are parsed, and nowhere else.
"""

from __future__ import annotations

import marshal
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reconciler.config.kdl import KdlNode, ParsedFile, parse_file
from reconciler.config.kinds import KINDS
from reconciler.config.resources import TEMPLATE, Origin, Override, Resource
from reconciler.config.source import LANGUAGE, SourceFile

_COMPLETE: Mapping[str, frozenset[str]] = MappingProxyType({})

_NOTHING: Mapping[bytes, memoryview] = MappingProxyType({})


class _Later(Sequence[KdlNode]):
    """The nodes of a sound file, parsed when somebody wants one of them."""

    __slots__ = ("_nodes", "_source")

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._nodes: Sequence[KdlNode] | None = None

    def _all(self) -> Sequence[KdlNode]:
        if self._nodes is None:
            file, _ = parse_file(self._source.content, self._source.path)
            self._nodes = file.nodes if file is not None else ()
        return self._nodes

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())


class Memory:
    """What is remembered of a tree's files. `entries` are by the content of the file, from whoever keeps them."""

    def __init__(self, entries: Mapping[bytes, memoryview] = _NOTHING) -> None:
        self._entries = entries
        self._recalled: dict[ParsedFile, tuple[Resource, ...]] = {}
        self._files: dict[SourceFile, ParsedFile] = {}
        self.marked: set[str] = set()
        """Paths of files in which something looks like a credential, allowed or not: they are searched every time."""

    def recall(self, source: SourceFile) -> ParsedFile | None:
        """The file as it was remembered; None when it was not, or not by this version. It is recalled once."""
        if source in self._files:
            return self._files[source]
        entry = self._entries.get(source.content)
        if entry is None:
            return None
        try:
            file, resources = _recalled(entry, source)
        except (AttributeError, EOFError, IndexError, KeyError, TypeError, ValueError):
            return None
        self._recalled[file] = resources
        self._files[source] = file
        return file

    def resources(self, file: ParsedFile) -> tuple[Resource, ...] | None:
        """The resources of a file that was recalled, in the order in which they are written; None of any other."""
        return self._recalled.get(file)

    def entries(self, resources: Iterable[Resource], without: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(path, entry) of every file of a tree that is to be remembered, and is not yet. `without` are the paths of
        files in which something was found."""
        by_file: dict[ParsedFile, list[Resource]] = {}
        for resource in resources:
            if resource.origin is not None and resource.origin.file.path.endswith(LANGUAGE):
                by_file.setdefault(resource.origin.file, []).append(resource)
        for file, found in by_file.items():
            # A node that became no resource of this file, or of another file's template, is not among them.
            if file in self._recalled or file.path in self.marked or file.path in without:
                continue
            if len(found) != len(file.nodes):
                continue
            if any(one.kind.name == TEMPLATE or one.written is not None for one in found):
                continue
            try:
                yield file.path, _entry(file, found)
            except ValueError:
                continue  # Something in it has no form in bytes; it is read again each time.


def _entry(file: ParsedFile, resources: Sequence[Resource]) -> bytes:
    places = {id(node): index for index, node in enumerate(file.nodes)}
    listed: list[Any] = [
        (
            one.kind.name,
            one.name,
            one.data,
            {name: (override.data, override.removed) for name, override in one.overrides.items()},
            one.only,
            _filled_in(one.data, one.effective("")),
            {name: one.effective(name) for name in one.overrides},
            one.texts,
            one.named,
        )
        for one in sorted(resources, key=lambda one: places[id(_origin(one).node)])
    ]
    return marshal.dumps((file.count, listed))


def _recalled(entry: memoryview, source: SourceFile) -> tuple[ParsedFile, tuple[Resource, ...]]:
    count, listed = marshal.loads(entry)  # noqa: S302 - in a confined child, as parsing the file is
    file = ParsedFile(source.path, source.content.decode(), _Later(source), count)
    found = []
    for index, (kind, name, data, overrides, only, more, special, texts, named) in enumerate(listed):
        changed = (
            {key: Override(*override) for key, override in overrides.items()} if overrides else overrides
        )
        origin = Origin(file, index, _COMPLETE, broken=False)
        effective = {"": {**data, **more}, **special}
        found.append(Resource(KINDS[kind], name, data, changed, only, origin, None, effective, texts, named))
    return file, tuple(found)


def _filled_in(data: Mapping[str, Any], effective: Mapping[str, Any]) -> dict[str, Any]:
    """What the effective data has beyond what is written, or otherwise."""
    return {
        key: value for key, value in effective.items() if key not in data or repr(data[key]) != repr(value)
    }


def _origin(resource: Resource) -> Origin:
    assert resource.origin is not None  # noqa: S101 - it was read from a file
    return resource.origin
