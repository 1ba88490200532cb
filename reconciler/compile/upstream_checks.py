"""What upstreams ask for and cannot have, or that has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.objections import Objection
from reconciler.compile.support import support_problem
from reconciler.config.snapshot import Rendering


def upstream_objections(rendering: Rendering) -> Iterator[Objection]:
    """What the table of support says of the features that upstreams use."""
    for resource, data in rendering.of("upstream"):
        store = data.get("tls", {}).get("trust-store")
        if store is not None:
            problem = support_problem("upstream.tls.trust-store", rendering.policy.proxy_version)
            if problem is not None:
                yield Objection(resource, ("tls", "trust-store"), problem, store)
