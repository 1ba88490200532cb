"""Saves what a verb edited, unless the repository would be worse than before."""

from __future__ import annotations

from reconciler.cli.validate import check
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.findings import Finding
from reconciler.config.source import SourceFile
from reconciler.errors import Stalled


def save(clone: WorkingClone, before: list[SourceFile], message: str, *, commit: bool) -> str:
    """Write and commit; what was done, in a sentence. Raises `Stalled` (E-CRT-017) when there would be new errors.

    `before` are the files as they were. Nothing is written then.
    """
    known = {_what(finding) for finding in check(before)[1]}
    new = [one for one in check(clone.preview())[1] if one.is_error and _what(one) not in known]
    if new:
        raise Stalled(
            "E-CRT-017",
            f"the repository would have {len(new)} new {'error' if len(new) == 1 else 'errors'}: {new[0]}",
            cure="Nothing was changed. "
            + (new[0].hint[:1].upper() + new[0].hint[1:] or "Correct that first"),
        )
    return clone.save(message, commit=commit)


def _what(finding: Finding) -> tuple[str, str, str]:
    """What a finding is about, wherever the line has moved to."""
    return finding.code, finding.place.path if finding.place else "", finding.message
