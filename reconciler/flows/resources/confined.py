"""Parses trees and what people sent, in a confined child, and reads its answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from reconciler.config.edits import Edit, Edited, Standing, edit_tree, standings
from reconciler.config.findings import Finding
from reconciler.config.remembered import Memory
from reconciler.config.snapshot import read_files
from reconciler.config.source import SourceFile
from reconciler.flows.answers import ask_confined
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.parts import Parts

T = TypeVar("T")


def edit_confined(files: Sequence[SourceFile], edit: Edit, cache: CompileCache) -> Edited:
    """What becomes of an edit. Raises `Stalled` E-API-028 when it cannot be made at all, and `Transient`."""

    def child() -> tuple[bytes, ...]:
        made = edit_tree(files, edit, Memory(cache.known(files)))
        parts = Parts()
        return parts.behind(
            {
                "status": made.status,
                "before": None if made.before is None else asdict(made.before),
                "after": None if made.after is None else asdict(made.after),
                "path": made.path,
                "content": None if made.content is None else parts.keep(made.content),
                "others": [asdict(one) for one in made.others],
                "findings": [finding.to_json() for finding in made.findings],
            }
        )

    return _asked(child, _edited, f"the {edit.kind} '{edit.name}'")


def standings_confined(
    files: Sequence[SourceFile], paths: Collection[str], cache: CompileCache
) -> tuple[list[tuple[str, str]], list[Standing]]:
    """The keys of all resources of a tree, and those of some of its files as they stand there. Raises as
    `edit_confined`."""

    def child() -> tuple[bytes, ...]:
        tree = read_files(files, Memory(cache.known(files)))
        found = standings(tree, paths)
        return Parts().behind({"keys": list(tree.resources), "found": [asdict(one) for one in found]})

    def read(document: Any, _: Callable[[Any], bytes]) -> tuple[list[tuple[str, str]], list[Standing]]:
        return [(kind, name) for kind, name in document["keys"]], [
            Standing(**one) for one in document["found"]
        ]

    return _asked(child, read, "the resources of trunk")


def _asked(
    child: Callable[[], tuple[bytes, ...]], read: Callable[[Any, Callable[[Any], bytes]], T], what: str
) -> T:
    cure = "Make the change smaller, or push it as a commit"
    return ask_confined(child, read, what, severed="E-API-029", failed="E-API-028", cure=cure)


def _edited(document: Mapping[str, Any], kept: Callable[[Any], bytes]) -> Edited:
    def standing(form: Any) -> Standing | None:
        return None if form is None else Standing(**form)

    content = document["content"]
    return Edited(
        document["status"],
        standing(document["before"]),
        standing(document["after"]),
        document["path"],
        None if content is None else kept(content),
        tuple(Standing(**one) for one in document["others"]),
        tuple(Finding.from_json(one) for one in document["findings"]),
    )
