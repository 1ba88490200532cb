"""How gates are written in an environment's policy, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.config.durations import Duration, seconds
from reconciler.config.gates import GateSpec, in_order
from reconciler.config.schema import Field, Slot, block

GATES = block(
    "gates",
    "What has to be true of a step's nodes before the next step begins. A gate that cannot tell, because nothing or "
    "too little is reported, waits; at the step's deadline it has failed.",
    (
        Field(
            "soak",
            "How long a step lasts at least.",
            'soak "30m"',
            arguments=(Slot("time", Duration("1s", "30d"), "the time since the step began"),),
        ),
        Field(
            "manual",
            "A person says go for each step: `sentinelctl approve ENVIRONMENT --step N`. It waits as long as it takes.",
            "manual",
        ),
    ),
    example='gates {\n    soak "5m"\n    manual\n}',
)


def specs_of(gates: Mapping[str, Any]) -> tuple[GateSpec, ...]:
    """The gates of a policy whose data has its defaults filled in."""
    return in_order(
        GateSpec(kind, "", read(gates[kind])) for kind, read in _READ.items() if gates.get(kind) is not None
    )


_READ: Mapping[str, Callable[[Any], dict[str, int | str]]] = {
    "soak": lambda data: {"seconds": seconds(data)},
    "manual": lambda data: {},
}
