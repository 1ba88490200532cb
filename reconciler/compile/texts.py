"""What resources become in the proxy's configuration, as text that is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.compile.carried import upstreams_in_use
from reconciler.compile.materials import endpoints
from reconciler.config.kdl import KdlNode
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering
from reconciler.config.write import write_document


@dataclass(frozen=True, slots=True)
class Group:
    """Resources in their order, and what was written of each, by what it is a part of."""

    resources: Sequence[tuple[Resource, Mapping[str, Any]]]
    same: tuple[int, ...]
    """Equal for two groups of the very same data."""
    texts: list[dict[str, bytes]]

    def written(self, part: str, make: Callable[[str, Mapping[str, Any]], bytes]) -> list[bytes]:
        """What each resource is in a part; `make` is asked for what has not been written, by name and data."""
        try:
            return [texts[part] for texts in self.texts]
        except KeyError:
            for index in [index for index, texts in enumerate(self.texts) if part not in texts]:
                resource, data = self.resources[index]
                self.texts[index][part] = make(resource.name, data)
        return [texts[part] for texts in self.texts]


class Texts:
    """Text of resources, written once for all environments in which their data is the same object, and kept with the
    resource when the data is its own."""

    def __init__(self) -> None:
        self._texts: dict[int, dict[str, bytes]] = {}
        self._groups: dict[tuple[int, ...], Group] = {}
        self._joined: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._endpoints: dict[tuple[int, ...], tuple[str, ...]] = {}

    def group(self, resources: Sequence[tuple[Resource, Mapping[str, Any]]]) -> Group:
        """Resources that are written together."""
        same = tuple([id(data) for _, data in resources])
        if same not in self._groups:
            for (resource, data), one in zip(resources, same, strict=True):
                if one not in self._texts:
                    own = resource.texts_of(data)
                    self._texts[one] = {} if own is None else own
            self._groups[same] = Group(resources, same, [self._texts[one] for one in same])
        return self._groups[same]

    def of(self, part: str, nodes: Any, group: Group) -> bytes:
        """What the resources become in one part of the configuration, in their order."""
        key = (part, group.same)
        if key not in self._joined:

            def make(name: str, data: Mapping[str, Any]) -> bytes:
                made = nodes(name, data)
                return text_of(made if type(made) is tuple else (made,), indent=1)

            self._joined[key] = b"".join(group.written(part, make))
        return self._joined[key]

    def endpoints(self, rendering: Rendering) -> tuple[str, ...]:
        """Where the requests of an environment go: to every upstream that its services name. URLs, sorted."""
        used = self.group(tuple(upstreams_in_use(rendering)))
        if used.same not in self._endpoints:
            written = b" ".join(used.written("endpoints", lambda _, data: " ".join(endpoints(data)).encode()))
            self._endpoints[used.same] = tuple(sorted(set(written.decode().split())))
        return self._endpoints[used.same]


def text_of(nodes: Iterable[KdlNode], *, indent: int = 0) -> bytes:
    """Nodes as the proxy's configuration has them, `indent` levels deep. UTF-8."""
    return write_document(nodes, indent=indent).encode()
