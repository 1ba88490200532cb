"""What is told of one environment's configuration, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from reconciler.outline.graph import Edge, Graph, Vertex


@dataclass(frozen=True, slots=True)
class WafPolicy:
    """One WAF policy. `file` is where it is declared, `off` are the categories that are off, `rules` (id, action, note)
    of single ones that are turned on or off, `exclusions` (name, ids, scope in words, note); of either only the first
    ones are told."""

    name: str
    description: str
    mode: str
    paranoia: int
    threshold: int
    failure: str
    file: str
    off: tuple[str, ...] = ()
    rules: tuple[tuple[int, str, str], ...] = ()
    exclusions: tuple[tuple[str, tuple[int, ...], str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SecretValue:
    """One secret in an environment, without its value. `version` is None when none is sealed for it, `rotated` the day
    on which the value was made, when that is known, `days` how old it may become."""

    name: str
    description: str
    version: int | None
    rotated: date | None
    days: int | None
    file: str


@dataclass(frozen=True, slots=True)
class Outline:
    """One environment. `files` says in which file of the project a vertex is declared."""

    graph: Graph
    files: Mapping[Vertex, str] = field(default_factory=dict)
    waf: tuple[WafPolicy, ...] = ()
    secrets: tuple[SecretValue, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object in which every text stands once: a large project has thousands of vertices and edges."""
        paths = {path: number for number, path in enumerate(dict.fromkeys(self.files.values()))}
        places = {vertex: number for number, vertex in enumerate(self.graph.vertices)}
        words = {via: number for number, via in enumerate(dict.fromkeys(e.via for e in self.graph.edges))}
        return {
            "environment": self.graph.environment,
            "files": list(paths),
            "via": list(words),
            "vertices": [
                [v.kind, v.name, self.graph.columns[v], paths[self.files[v]] if v in self.files else None]
                for v in self.graph.vertices
            ],
            "edges": [[places[e.start], places[e.end], words[e.via]] for e in self.graph.edges],
            "waf": [asdict(policy) for policy in self.waf],
            "secrets": [
                {**asdict(one), "rotated": one.rotated.isoformat() if one.rotated else None}
                for one in self.secrets
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outline:
        """The outline that `to_json` gave. Raises KeyError, IndexError, TypeError and ValueError for anything else."""
        vertices = [Vertex(str(kind), str(name)) for kind, name, _, _ in data["vertices"]]
        columns = {v: int(row[2]) for v, row in zip(vertices, data["vertices"], strict=True)}
        files = {
            v: str(data["files"][row[3]])
            for v, row in zip(vertices, data["vertices"], strict=True)
            if row[3] is not None
        }
        edges = tuple(Edge(vertices[a], vertices[b], str(data["via"][via])) for a, b, via in data["edges"])
        return cls(
            Graph(str(data["environment"]), tuple(vertices), edges, columns),
            files,
            tuple(_policy(one) for one in data["waf"]),
            tuple(_secret(one) for one in data["secrets"]),
        )


def _policy(data: Mapping[str, Any]) -> WafPolicy:
    return WafPolicy(
        **{
            **data,
            "off": tuple(data["off"]),
            "rules": tuple((int(number), str(action), str(note)) for number, action, note in data["rules"]),
            "exclusions": tuple(
                (str(name), tuple(ids), str(scope), str(note))
                for name, ids, scope, note in data["exclusions"]
            ),
        }
    )


def _secret(data: Mapping[str, Any]) -> SecretValue:
    rotated = data["rotated"]
    return SecretValue(**{**data, "rotated": None if rotated is None else date.fromisoformat(rotated)})
