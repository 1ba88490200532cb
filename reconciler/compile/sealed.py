"""Which secrets an environment's files need, and what is sealed for it. Sealed bytes never become part of a file.

A file needs a secret when `"${secret:NAME}"` or `"${secret-file:NAME}"` stands in it as a whole string: the node puts
the value, or the path of a file that holds it, in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.credentials import sealed_content
from reconciler.config.findings import Place
from reconciler.config.report import places
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Snapshot
from reconciler.pinned import Pinned

_NEEDED = re.compile(rb'"\$\{secret(?:-file)?:([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\}"')


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """One sealed value of a commit: `text` is its written form, `place` where it stands when it was read from a file.

    `project` is what the commit calls the project; it is part of what is sealed.
    """

    project: str
    environment: str
    name: str
    version: int
    text: str = field(repr=False)
    place: Place | None

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        place = self.place
        return {
            "project": self.project,
            "environment": self.environment,
            "name": self.name,
            "version": self.version,
            "text": self.text,
            "place": None if place is None else [place.path, place.line, place.column],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SealedSecret:
        """The value that `to_json` gave. Raises KeyError, TypeError and ValueError for anything else."""
        place = data["place"]
        return cls(
            project=str(data["project"]),
            environment=str(data["environment"]),
            name=str(data["name"]),
            version=int(data["version"]),
            text=str(data["text"]),
            place=None if place is None else Place(str(place[0]), int(place[1]), int(place[2])),
        )


def needed(contents: Iterable[bytes]) -> frozenset[str]:
    """Names of the secrets that the files need."""
    naming = (content for content in contents if b"${secret" in content)
    return frozenset(name.decode() for content in naming for name in _NEEDED.findall(content))


def sealed_secrets(snapshot: Snapshot) -> tuple[SealedSecret, ...]:
    """Every sealed value of a snapshot, by name and environment."""
    project = snapshot.project.name
    found = list(_sealed(snapshot.resources.values()))
    marks = [resource.mark(("sealed",), value=item["value"]) for resource, item in found]
    return tuple(
        SealedSecret(project, item["environment"], resource.name, item["version"], item["value"], place)
        for (resource, item), place in zip(found, places(marks), strict=True)
    )


def pinned(sealed: Iterable[SealedSecret], environment: str, names: frozenset[str]) -> dict[str, Pinned]:
    """Which value of each of those secrets an environment needs, as they are sealed for it."""
    known = {one.name: one for one in sealed if one.environment == environment}
    return {name: pin(known[name].version, known[name].text) for name in sorted(names)}


def pin(version: int, text: str) -> Pinned:
    """What names a written sealed value."""
    return Pinned.of(version, sealed_content(text))


def _sealed(resources: Iterable[Resource]) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    for resource in resources:
        if resource.kind.name == "secret":
            for item in resource.data.get("sealed", ()):
                yield resource, item
