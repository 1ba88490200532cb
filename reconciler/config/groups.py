"""The node-groups of a project as data that is kept with a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Line = tuple[str, tuple[str, ...]]
"""A label, and the values of which a node has to have one."""


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """What `node-group "name" { … }` says in one environment. A node belongs to it when every line matches."""

    name: str
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return {"name": self.name, "lines": [[key, list(values)] for key, values in self.lines]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NodeGroup:
        """The group that `to_json` gave. Raises KeyError, TypeError and ValueError for anything else."""
        return cls(data["name"], tuple((key, tuple(values)) for key, values in data["lines"]))


def group_of(name: str, data: Mapping[str, Any]) -> NodeGroup:
    """The group of a `node-group` whose data is that of one environment."""
    return NodeGroup(name, tuple((item["key"], tuple(item["values"])) for item in data["label"]))
