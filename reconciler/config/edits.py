"""One resource written, made or taken away in a tree: which file changes, and what stands in it then.

Everything else of that file keeps its bytes, comments included. Whether the tree is sound then is not judged here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from reconciler.config.editing import add_resource, remove_resource, replace_resource, resource_texts
from reconciler.config.findings import Finding, Severity
from reconciler.config.format import format_text
from reconciler.config.from_json import NoForm, node_of
from reconciler.config.kdl import parse_file
from reconciler.config.kinds import KINDS
from reconciler.config.remembered import Memory
from reconciler.config.resource_reading import Key
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Tree, read_files
from reconciler.config.source import LANGUAGE, SourceFile
from reconciler.config.write import write_document

BODY = "the body"
"""Where findings about what was sent are placed."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is asked for. `document` is the JSON form or, below the one key `kdl`, the words themselves; None to delete.

    `create`: there may be none yet. `match` is the etag that it has to have ("*" for any), empty when anything goes.
    `path` is where a new one is put, empty to have a place found.
    """

    kind: str
    name: str
    document: Mapping[str, Any] | None
    create: bool = False
    match: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A resource as it stands in a tree. `path` is from the project's folder, `etag` git's id of `text` as a blob."""

    kind: str
    name: str
    path: str
    etag: str
    form: Any
    text: str


Status = Literal["edited", "unchanged", "exists", "absent", "stale", "unusable"]


@dataclass(frozen=True, slots=True)
class Edited:
    """What becomes of an edit. `before` and `after` are the resource itself, None where there is none.

    `content` of the file at `path` is None when nothing is left in it; `others` are all resources of the file then.
    """

    status: Status
    before: Standing | None = None
    after: Standing | None = None
    path: str = ""
    content: bytes | None = None
    others: tuple[Standing, ...] = ()
    findings: tuple[Finding, ...] = ()


def blob_id(content: bytes) -> str:
    """Git's id of these bytes as a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def standings(tree: Tree, paths: Iterable[str] | None = None) -> list[Standing]:
    """Every resource of a tree, or of some of its files, as it stands there."""
    wanted = None if paths is None else set(paths)
    found = []
    texts: dict[str, Mapping[Key, str]] = {}
    for resource in tree.resources.values():
        path = resource.origin.file.path if resource.origin is not None else ""
        if not path or (wanted is not None and path not in wanted):
            continue
        if path not in texts:
            texts[path] = resource_texts(resource.origin.file.text) if resource.origin is not None else {}
        if resource.key in texts[path]:
            found.append(_standing(resource, path, texts[path][resource.key]))
    return found


def edit_tree(files: Sequence[SourceFile], edit: Edit, memory: Memory | None = None) -> Edited:
    """Make the edit, unless what stands there forbids it."""
    memory = memory or Memory()
    tree = read_files(files, memory)
    before = _found(tree, edit)
    if edit.match and (before is None or edit.match not in ("*", before.etag)):
        return Edited("stale", before)
    if edit.document is None:
        return Edited("absent") if before is None else _removed(files, tree, before, memory)
    if edit.create and before is not None:
        return Edited("exists", before)
    words = _words(edit)
    if not isinstance(words, str):
        return Edited("unusable", before, findings=words)
    return _written(files, tree, edit, before, words, memory)


def _found(tree: Tree, edit: Edit) -> Standing | None:
    resource = tree.resources.get((edit.kind, edit.name))
    if resource is None or resource.origin is None:
        return None
    path = resource.origin.file.path
    text = resource_texts(resource.origin.file.text).get(resource.key)
    return None if text is None else _standing(resource, path, text)


def _standing(resource: Resource, path: str, text: str) -> Standing:
    return Standing(resource.kind.name, resource.name, path, blob_id(text.encode()), resource.to_json(), text)


def _words(edit: Edit) -> str | tuple[Finding, ...]:
    """What shall stand there, in canonical layout, or why it cannot."""
    document = edit.document or {}
    if set(document) == {"kdl"}:
        text = document["kdl"]
        file, findings = parse_file(text if isinstance(text, str) else "", BODY)
        if file is None:
            return findings
        if [(node.name, *node.arguments[:1]) for node in file.nodes] != [(edit.kind, edit.name)]:
            message = f"'kdl' holds something else than one {edit.kind} '{edit.name}'"
            return (_unusable(message, f'{edit.kind} "{edit.name}" {{ … }}, and nothing beside it'),)
        written = resource_texts(file.text)
        return format_text(written[edit.kind, edit.name])
    try:
        return write_document([node_of(KINDS[edit.kind], edit.name, document)])
    except (NoForm, ValueError, RecursionError) as error:
        return (_unusable(f"the document has no form in the language: {error}", "the JSON form of the kind"),)


def _unusable(message: str, expected: str) -> Finding:
    return Finding("E-API-027", Severity.error, None, message, expected)


def _written(
    files: Sequence[SourceFile],
    tree: Tree,
    edit: Edit,
    before: Standing | None,
    words: str,
    memory: Memory,
) -> Edited:
    contents = {file.path: file.content for file in files}
    if before is not None:
        path = before.path
        text = replace_resource(_text(contents[path]), edit.kind, edit.name, words)
    else:
        path = edit.path or place_for(tree, edit.kind, edit.name)
        text = add_resource(_text(contents.get(path, b"")), words)
    edited = _with(files, path, text.encode())
    after = read_files(edited, memory)
    standing = _found(after, edit)
    if before is not None and standing is not None and _same(before, standing):
        return Edited("unchanged", before, before, path)
    # A file that cannot be read any more has findings, so nothing is made of it.
    standing = standing or Standing(
        edit.kind, edit.name, path, blob_id(words.strip().encode()), {}, words.strip()
    )
    others = tuple(standings(after, [path]))
    return Edited("edited", before, standing, path, text.encode(), others)


def _removed(files: Sequence[SourceFile], tree: Tree, before: Standing, memory: Memory) -> Edited:
    contents = {file.path: file.content for file in files}
    text = remove_resource(_text(contents[before.path]), before.kind, before.name)
    content = text.encode() if text.strip() else None
    after = read_files(_with(files, before.path, content), memory)
    return Edited("edited", before, None, before.path, content, tuple(standings(after, [before.path])))


def _same(one: Standing, other: Standing) -> bool:
    # JSON tells 1 from true and 1.0, which Python does not.
    return json.dumps(one.form, sort_keys=True) == json.dumps(other.form, sort_keys=True)


def _with(files: Sequence[SourceFile], path: str, content: bytes | None) -> list[SourceFile]:
    kept = [replace(file) for file in files if file.path != path]
    return kept if content is None else [*kept, SourceFile(path, content)]


def place_for(tree: Tree, kind: str, name: str) -> str:
    """Where a new resource goes: to the one file that has several of its kind, else into a file of its own beside those
    of its kind, else into a folder named for the kind."""
    by_path: dict[str, list[Key]] = {}
    for resource in tree.resources.values():
        if resource.origin is not None:
            by_path.setdefault(resource.origin.file.path, []).append(resource.key)
    alike = {path: keys for path, keys in by_path.items() if any(key[0] == kind for key in keys)}
    shared = [path for path, keys in alike.items() if sum(key[0] == kind for key in keys) > 1]
    if len(shared) == 1:
        return shared[0]
    alone = sorted(path.rpartition("/")[0] for path, keys in alike.items() if len(keys) == 1 and "/" in path)
    folder = max(alone, key=alone.count) if alone else plural(kind)
    return f"{folder}/{name}{LANGUAGE}"


def plural(kind: str) -> str:
    """The kind's word for several."""
    if kind.endswith("y") and kind[-2:-1] not in "aeiou":
        return f"{kind[:-1]}ies"
    return kind + ("es" if kind.endswith(("s", "x")) else "s")


def _text(content: bytes) -> str:
    return content.decode("utf-8").removeprefix("\ufeff")
