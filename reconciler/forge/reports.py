"""What a forge shows of a commit besides its statuses: how far it has come, and findings beside their lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """How far a commit of trunk has come in an environment. `state` is pending, success, failure or over, when another
    release came before it ended. `task` tells this installation's deployments from those of others."""

    environment: str
    sha: str
    trunk: str
    state: str
    description: str
    url: str
    task: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A finding at a line of a file. `level` is error, warning or info."""

    path: str
    line: int
    level: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a commit. `name` tells this installation's reports from those of others, `id` is a hash of all
    that it says."""

    sha: str
    name: str
    good: bool
    summary: str
    url: str
    id: str
    annotations: tuple[Annotation, ...] = ()


def report_to_json(report: Report) -> dict[str, Any]:
    """A JSON object with the names of the fields."""
    return {**asdict(report), "annotations": [asdict(one) for one in report.annotations]}


def report_from_json(data: Mapping[str, Any]) -> Report:
    """The report that `report_to_json` gave."""
    return Report(**{**data, "annotations": tuple(Annotation(**one) for one in data["annotations"])})
