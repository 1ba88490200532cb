"""What verbs need that ask what a certificate is in each environment: a repository without errors."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.config.snapshot import Snapshot, read_snapshot
from reconciler.config.source import SourceFile
from reconciler.errors import Stalled


def sound_snapshot(files: Iterable[SourceFile]) -> Snapshot:
    """The snapshot of a repository. Raises `Stalled` (E-CRT-018) when it has errors."""
    snapshot, findings = read_snapshot(files)
    if snapshot is None:
        first = next(finding for finding in findings if finding.is_error)
        raise Stalled(
            "E-CRT-018", f"the repository has errors: {first}", cure="Run `sentinelctl validate` first"
        )
    return snapshot
