"""Findings of a commit as its row keeps them, read leniently: a row may be older than this program. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding. `place` is `path:line:column` as far as it is known, or empty."""

    severity: str
    code: str
    place: str
    message: str
    expected: str
    hint: str


def findings(stored: Iterable[Mapping[str, Any]] | None) -> list[FindingView]:
    """Errors first, otherwise in the order in which they were stored, which is by place."""
    found = [
        FindingView(
            severity=str(item.get("severity") or "error"),
            code=str(item.get("code") or ""),
            place=_place(item),
            message=str(item.get("message") or ""),
            expected=str(item.get("expected") or ""),
            hint=str(item.get("hint") or ""),
        )
        for item in stored or ()
    ]
    return sorted(found, key=lambda finding: ORDER.get(finding.severity, len(ORDER)))


def _place(item: Mapping[str, Any]) -> str:
    place = item.get("place") if isinstance(item.get("place"), Mapping) else item
    parts = [place.get("path"), place.get("line"), place.get("column")] if place else []
    known = []
    for part in parts:
        if part in (None, "", 0):
            break
        known.append(str(part))
    return ":".join(known)
