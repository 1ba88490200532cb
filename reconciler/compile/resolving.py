"""Services with what they name put in: their middlewares with the service's own changes, and the parts of a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.config.kinds.middleware import BLOCKS, type_of
from reconciler.config.resources import Resource
from reconciler.config.schema import complete
from reconciler.config.snapshot import Rendering

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands in the proxy's configuration for a certificate and for its key: a node puts paths in their places."""

    chain: str
    key: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A middleware as it applies to a service. `owner` is the service when it has changes of its own, else None."""

    name: str
    type: str
    data: Data
    owner: str | None = None

    def filter_id(self, part: str = "") -> str:
        """The id of its filter, or of one of its filters. Dots keep ids of one, two, three and four parts apart."""
        own = self.name if self.owner is None else f"{self.owner}.middleware.{self.name}"
        return f"{own}.{part}" if part else own


def apply(name: str, middleware: Data, changes: Data, service: str) -> Applied | None:
    """A middleware with a service's changes; None when the changes are for another type."""
    kind = type_of(middleware)
    changed = [block for block in changes if block in BLOCKS]
    if not changed:
        return Applied(name, kind, middleware[kind])
    if changed != [kind]:
        return None
    merged = complete(BLOCKS[kind], {**middleware[kind], **changes[kind]})
    return Applied(name, kind, merged, service)


class Resolver:
    """Resolves services and upstreams of all environments; equal ingredients give the very same object.

    The data of a resolved service has three more entries: "applied", the middlewares in order; "parts", pairs of a
    weight and an upstream's data, heaviest first; and "guards", filters that see its requests first. A service without
    any of them is its own data. So is an upstream that shows no certificate; that of others has one more, "pair".
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], tuple[Data, tuple[Any, ...]]] = {}

    def upstreams(
        self, rendering: Rendering, pairs: Mapping[str, Pair] = MappingProxyType({})
    ) -> tuple[tuple[Resource, Data], ...]:
        """The upstreams of an environment, resolved. `pairs` are by name of the certificate."""
        if not pairs:
            return rendering.of("upstream")
        return tuple((resource, self._upstream(data, pairs)) for resource, data in rendering.of("upstream"))

    def _upstream(self, data: Data, pairs: Mapping[str, Pair]) -> Data:
        pair = pairs.get(data.get("tls", {}).get("client-certificate", ""))
        if pair is None:
            return data
        key = (id(data), pair)
        if key not in self._made:
            self._made[key] = ({**data, "pair": pair}, (data,))
        return self._made[key][0]

    def services(
        self,
        rendering: Rendering,
        guards: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        pairs: Mapping[str, Pair] = MappingProxyType({}),
    ) -> tuple[tuple[Resource, Data], ...]:
        """The services of an environment, resolved. Nothing that is named may be missing.

        `guards` are ids of filters by service, `pairs` as for upstreams.
        """
        services = rendering.of("service")
        if not guards and not any("middleware" in data or "split" in data for _, data in services):
            return services
        middlewares = {resource.name: data for resource, data in rendering.of("middleware")}
        upstreams = {resource.name: data for resource, data in self.upstreams(rendering, pairs)}
        return tuple(
            (
                resource,
                self._service(resource.name, data, middlewares, upstreams, guards.get(resource.name, ())),
            )
            for resource, data in services
        )

    def _service(
        self,
        name: str,
        data: Data,
        middlewares: Mapping[str, Data],
        upstreams: Mapping[str, Data],
        guards: tuple[str, ...],
    ) -> Data:
        named = data.get("middleware", ())
        parts = [part for part in data.get("split", ()) if part["weight"]]
        if not (named or parts or guards):
            return data
        ingredients = (
            data,
            *(middlewares[item["name"]] for item in named),
            *(upstreams[p["name"]] for p in parts),
        )
        # The ingredients are kept, so that none of their identities is given to another object.
        key = (guards, *(id(one) for one in ingredients))
        if key not in self._made:
            found = [apply(item["name"], middlewares[item["name"]], item, name) for item in named]
            heaviest = sorted(parts, key=lambda part: (-part["weight"], part["name"]))
            resolved = {
                **data,
                "applied": tuple(one for one in found if one is not None),
                "parts": tuple((part["weight"], upstreams[part["name"]]) for part in heaviest),
                "guards": guards,
            }
            self._made[key] = (resolved, ingredients)
        return self._made[key][0]


def applied_of(data: Data, kind: str) -> Data | None:
    """The block of a type that applies to a resolved service: its own, else that of a middleware, else None."""
    if kind in data:
        own: Data = data[kind]
        return own
    if "applied" not in data:
        return None
    return next((one.data for one in data["applied"] if one.type == kind), None)
