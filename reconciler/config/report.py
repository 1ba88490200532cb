"""Collects mistakes while a tree is read, and finds their places only when there are some.

A mistake is noted against a node and one of its tokens; lines and columns come from a second pass over the files
concerned, so a tree without mistakes never pays for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.config import limits
from reconciler.config.findings import Finding, Place, Severity, sort_findings
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.scan import ScannedNode, line_and_column

NAME = "name"


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A token of the tree: a node's name, its argument of that index, or the property of that key.

    `property_value` says whether the property's value is meant rather than its key.
    """

    file: ParsedFile
    node: KdlNode
    argument: int | None = None
    property_key: str | None = None
    property_value: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with something, without saying where. Returned by whatever judges single values."""

    code: str
    message: str
    expected: str = ""
    hint: str = ""
    severity: Severity = Severity.error


def placed(problem: Problem, place: Place) -> Finding:
    """The finding of a problem whose place is known."""
    return Finding(problem.code, problem.severity, place, problem.message, problem.expected, problem.hint)


@dataclass(frozen=True, slots=True)
class Planted:
    """Where a node that was not written where it stands comes from: the token that stands for each of its parts.

    Beside each token stands what is told behind a message about it, such as the template that gave it. `made` is the
    node itself: nodes are found by their identity, which another one takes over when a node is let go.
    """

    made: KdlNode
    node: tuple[Mark, str]
    arguments: tuple[tuple[Mark, str], ...] = ()
    properties: Mapping[str, tuple[Mark, str]] = field(default_factory=dict)

    def part(self, mark: Mark) -> tuple[Mark, str]:
        """The token of the part that a mark means, and what is told of it."""
        if mark.argument is not None and mark.argument < len(self.arguments):
            return self.arguments[mark.argument]
        if mark.property_key is not None and mark.property_key in self.properties:
            return self.properties[mark.property_key]
        return self.node


@dataclass(frozen=True, slots=True, eq=False)
class PlantedFile(ParsedFile):
    """A file with nodes that stand elsewhere or nowhere, by their identity; all others are the file's own."""

    planted: Mapping[int, Planted] = field(default_factory=dict)


def _written(mark: Mark) -> tuple[Mark, str]:
    """The token of a file that a mark means, and what is told of it."""
    if isinstance(mark.file, PlantedFile) and id(mark.node) in mark.file.planted:
        return mark.file.planted[id(mark.node)].part(mark)
    return mark, ""


@dataclass(slots=True)
class Report:
    """The mistakes found so far."""

    findings: list[Finding] = field(default_factory=list)
    _marked: list[tuple[Mark, Problem]] = field(default_factory=list)
    _in_file: Counter[str] = field(default_factory=Counter)
    _told: set[tuple[object, ...]] = field(default_factory=set)
    failed: bool = False
    count: int = 0

    def add(self, mark: Mark | None, problem: Problem) -> None:
        """Note a mistake at a token, or without a place. Beyond the cap of a file it is only counted."""
        self.count += 1
        self.failed = self.failed or problem.severity is Severity.error
        if mark is None:
            self.findings.append(
                Finding(problem.code, problem.severity, None, problem.message, problem.expected, problem.hint)
            )
            return
        mark, whence = _written(mark)
        # One token of a template may be wrong in all services that are made from it: it is told once.
        key = (id(mark.node), mark.argument, mark.property_key, mark.property_value, problem)
        if key in self._told:
            return
        self._told.add(key)
        if whence:
            problem = replace(problem, message=f"{problem.message}{whence}")
        self._in_file[mark.file.path] += 1
        if self._in_file[mark.file.path] <= limits.FINDINGS_IN_FILE:
            self._marked.append((mark, problem))

    def full(self, file: ParsedFile) -> bool:
        """Whether the cap of this file is reached, so that reading on would tell nobody anything."""
        return self._in_file[file.path] > limits.FINDINGS_IN_FILE

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take over findings that already have places."""
        for finding in findings:
            self.failed = self.failed or finding.is_error
            self.findings.append(finding)

    def resolved(self) -> tuple[Finding, ...]:
        """All findings with their places, sorted."""
        by_file: dict[str, list[tuple[Mark, Problem]]] = {}
        for mark, problem in self._marked:
            by_file.setdefault(mark.file.path, []).append((mark, problem))
        found = list(self.findings)
        for path, marked in by_file.items():
            places = _Places(marked[0][0].file)
            for mark, p in marked:
                found.append(Finding(p.code, p.severity, places.of(mark), p.message, p.expected, p.hint))
            left_out = self._in_file[path] - len(marked)
            if left_out > 0:
                found.append(
                    Finding(
                        "E-TRE-004",
                        Severity.info,
                        Place(path, 1, 1),
                        f"{left_out} more findings of this file are left out",
                        hint="correct the ones shown first",
                    )
                )
        return sort_findings(found)


def places(marks: Sequence[Mark | None]) -> list[Place | None]:
    """Where each token stands, in the same order. Every file is scanned once."""
    scanned: dict[str, _Places] = {}
    found: list[Place | None] = []
    for mark in marks:
        if mark is None:
            found.append(None)
            continue
        mark, _ = _written(mark)
        if mark.file.path not in scanned:
            scanned[mark.file.path] = _Places(mark.file)
        found.append(scanned[mark.file.path].of(mark))
    return found


class _Places:
    """Line and column of the tokens of one file."""

    def __init__(self, file: ParsedFile) -> None:
        self._file = file
        self._nodes = file.places()

    def of(self, mark: Mark) -> Place:
        scanned = self._nodes.get(id(mark.node))
        if scanned is None:
            return Place(self._file.path, 1, 1)
        return Place(self._file.path, *line_and_column(self._file.text, self._offset(mark, scanned)))

    @staticmethod
    def _offset(mark: Mark, node: ScannedNode) -> int:
        if mark.argument is not None:
            arguments = [entry.value.start for entry in node.entries if entry.key is None]
            if mark.argument < len(arguments):
                return arguments[mark.argument]
        if mark.property_key is not None:
            for entry in node.entries:
                if entry.key == mark.property_key:
                    return entry.value.start if mark.property_value else entry.key_at
        return node.name.start
