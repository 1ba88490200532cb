"""Makes the bundle of an earlier commit once more, from git alone."""

from __future__ import annotations

from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.config.findings import has_errors
from reconciler.config.source import SourceFile, is_read
from reconciler.errors import Refused
from reconciler.flows.compiling import compile_confined
from reconciler.flows.context import Context
from reconciler.git.reading import read_tree


def rebuild(context: Context, sha: str) -> tuple[BuiltBundle | None, str]:
    """The bundle that this version makes of a commit, or None and why there is none."""
    folder = context.project.path
    try:
        found = read_tree(context.mirror, sha, folder, select=is_read)
    except Refused as refusal:
        return None, str(refusal)
    if found.problems:
        return None, f"its files cannot be read: {found.problems[0].message}"
    start = len(folder) + 1 if folder else 0
    files = tuple(SourceFile(path[start:], content) for path, _, content in found.files)
    compilation, findings = compile_confined(files, now=context.now())
    if compilation is None or has_errors(findings):
        return None, f"its commit does not compile any more: {findings[0] if findings else 'nobody says why'}"
    try:
        return build_bundle(compilation), ""
    except Refused as refusal:
        return None, str(refusal)
