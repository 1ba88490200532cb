"""The tree that a commit is compared with: read without its checks, and with what both trees share read once."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.config.kdl import ParsedFile, parse_file
from reconciler.config.remembered import Memory
from reconciler.config.report import Report
from reconciler.config.resource_reading import SERVICE, Key, read_resources
from reconciler.config.resources import TEMPLATE, Resource
from reconciler.config.snapshot import Snapshot, snapshot_of
from reconciler.config.source import LANGUAGE, SourceFile
from reconciler.config.templates.expanding import names_template


def read_former(
    files: Iterable[SourceFile], after: Snapshot, memory: Memory | None = None
) -> Snapshot | None:
    """The snapshot of a tree that was valid before `after`; None when this version cannot read it.

    Files that are in both are not read again, so that a small change of a large tree costs little. Those services
    alone are made anew that come from templates, which may be others. Files beside the language are left out. `memory`
    is what `after` was read with.
    """
    memory = memory or Memory()
    known: dict[str, ParsedFile] = {}
    same: dict[str, list[Resource]] = {}
    for resource in after.resources.values():
        if resource.origin is not None:
            path = resource.origin.file.path
            known[path] = resource.origin.file
            if resource.written is None and resource.kind.name != TEMPLATE:
                same.setdefault(path, []).append(resource)
    resources: dict[Key, Resource] = {}
    parsed: list[ParsedFile] = []
    for source in sorted((f for f in files if f.path.endswith(LANGUAGE)), key=lambda f: f.path):
        file = known.get(source.path)
        if file is not None and file.text.encode() == source.content:
            # What is remembered has nothing to do with templates, and looking at its nodes would parse it.
            again = tuple(
                node
                for node in (file.nodes if memory.resources(file) is None else ())
                if node.name == TEMPLATE or (node.name == SERVICE and names_template(node))
            )
            parsed.append(ParsedFile(file.path, file.text, again, file.count))
            resources.update({resource.key: resource for resource in same.get(source.path, ())})
        else:
            fresh = memory.recall(source) or parse_file(source.content, source.path)[0]
            if fresh is None:
                return None
            parsed.append(fresh)
    report = Report()
    if not read_resources(parsed, resources, report, memory) or report.failed:
        return None
    if not any(kind == "environment" for kind, _ in resources):
        return None
    return snapshot_of({key: resources[key] for key in sorted(resources)}, {})
