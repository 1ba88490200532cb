"""Findings: what a config author is told. Data that can be stored, sent and compared, never exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An error refuses the commit; a warning and an information do not."""

    error = "error"
    warning = "warning"
    info = "info"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the tree: a path, and line and column counted from 1; a column counts code points."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of validation.

    `place` is None when the mistake has no place, such as a file that is missing. `message` says what is wrong,
    `expected` what may stand there, `hint` what to do about it; both may be empty.
    """

    code: str
    severity: Severity
    place: Place | None
    message: str
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.code} {where}{self.message}{expected}{hint}"

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.error

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `path`, `line` and `column` are null when there is no place."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "path": self.place.path if self.place else None,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "message": self.message,
            "expected": self.expected,
            "hint": self.hint,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` gave. Raises KeyError and ValueError for anything else."""
        path = data["path"]
        return cls(
            code=str(data["code"]),
            severity=Severity(data["severity"]),
            place=None if path is None else Place(str(path), int(data["line"]), int(data["column"])),
            message=str(data["message"]),
            expected=str(data["expected"]),
            hint=str(data["hint"]),
        )


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By path, line, column and code; those without a place come first. Exact repetitions are dropped."""

    def key(finding: Finding) -> tuple[str, int, int, str, str]:
        place = finding.place or Place("", 0, 0)
        return (place.path, place.line, place.column, finding.code, finding.message)

    return tuple(sorted(dict.fromkeys(findings), key=key))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of them refuses the commit."""
    return any(finding.is_error for finding in findings)
