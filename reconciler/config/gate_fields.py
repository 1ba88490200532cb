"""How gates are written in an environment's policy, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from reconciler.config.credentials import HttpsUrl
from reconciler.config.durations import Duration, milliseconds, seconds
from reconciler.config.gates import GateSpec, in_order
from reconciler.config.kinds.slo import WINDOWS
from reconciler.config.quantities import Percent, share
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block
from reconciler.config.values import Integer, Reference

SAMPLES = Slot(
    "samples",
    Integer(1, 1_000_000_000),
    "how many requests it takes to say anything; with fewer the gate waits",
    default=100,
)

GATES = block(
    "gates",
    "What has to be true of a step's nodes before the next step begins. A gate that cannot tell, because nothing or "
    "too little is reported, waits; at the step's deadline it has failed.",
    (
        Field(
            "error-rate",
            "The share of answers 5xx that the moved nodes gave since the step began.",
            'error-rate max="1%" samples=100',
            properties=(
                Slot("max", Percent("0", "100"), "the largest share that passes"),
                SAMPLES,
            ),
        ),
        Field(
            "latency",
            "How long the moved nodes took to answer since the step began, at a percentile of all their requests.",
            'latency percentile=99 max="500ms" samples=100',
            properties=(
                Slot("percentile", Integer(1, 99), "the share of requests that has to be as fast"),
                Slot("max", Duration("1ms", "10m", fine=True), "the longest time that passes"),
                SAMPLES,
            ),
        ),
        Field(
            "cpu",
            "The highest CPU use that any moved node reports.",
            'cpu max="80%"',
            properties=(Slot("max", Percent("1", "100"), "the highest use that passes"),),
        ),
        Field(
            "memory",
            "The highest memory use that any moved node reports.",
            'memory max="90%"',
            properties=(Slot("max", Percent("1", "100"), "the highest use that passes"),),
        ),
        Field(
            "http",
            "An address that the control plane asks while the step is judged. Redirects are not followed. Private "
            "addresses are asked only where the server configuration allows them.",
            'http "https://shop.example.com/healthz" status=200 within="2s"',
            arguments=(Slot("url", HttpsUrl(), "what is asked"),),
            properties=(
                Slot("status", Integer(100, 599), "the status of a good answer", default=200),
                Slot(
                    "within", Duration("1ms", "10s", fine=True), "how long an answer may take", default="2s"
                ),
            ),
            repeatable=True,
        ),
        Field(
            "slo",
            "An objective whose error budget must not burn too fast, by the windows of its `critical` alerts.",
            'slo "orders-availability"',
            arguments=(Slot("name", Reference("slo"), "the objective"),),
            repeatable=True,
        ),
        Field(
            "canary",
            "Whether the moved nodes do worse than those that are not moved yet, in the same time: a sequential test "
            "of failures and of slow answers.",
            'canary alpha="1%" beta="5%" effect="1%" slower="5%" samples=100',
            properties=(
                Slot(
                    "alpha",
                    Percent("0.01", "20"),
                    "how often at most an equal release is called worse",
                    default="1%",
                ),
                Slot(
                    "beta",
                    Percent("0.01", "50"),
                    "how often at most a release that is worse by the effect passes",
                    default="5%",
                ),
                Slot(
                    "effect",
                    Percent("0.01", "50"),
                    "how many more requests in a hundred may not fail",
                    default="1%",
                ),
                Slot(
                    "slower",
                    Percent("0.1", "50"),
                    "how many more requests in a hundred may not be slow",
                    default="5%",
                ),
                SAMPLES,
            ),
        ),
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
    example='gates {\n    error-rate max="1%" samples=100\n    latency percentile=99 max="500ms"\n    soak "5m"\n}',
)


def gate_complaints(policy: Mapping[str, Any]) -> Iterator[Complaint]:
    """What the gates of a policy cannot mean together with the rest of it."""
    if "canary" in policy.get("gates", {}) and policy.get("strategy") == "all-at-once":
        problem = Problem(
            "E-VAL-009",
            "a canary is compared with nodes that are not moved yet, and this strategy leaves none",
            'strategy "canary" or "rolling"',
            "change the strategy, or remove the gate",
        )
        yield Complaint(("policy", "gates", "canary"), problem)


def specs_of(gates: Mapping[str, Any], objectives: Mapping[str, Mapping[str, Any]]) -> tuple[GateSpec, ...]:
    """The gates of a policy whose data has its defaults filled in. `objectives` is the data of each `slo` by name; one
    that is not there has been objected to."""
    found = []
    for kind, read in _READ.items():
        data = gates.get(kind)
        if data is not None:
            found.append(GateSpec(kind, "", read(data)))
    found += [
        GateSpec("http", one["url"], {"status": one["status"], "within-ms": milliseconds(one["within"])})
        for one in gates.get("http", ())
    ]
    for item in gates.get("slo", ()):
        objective = objectives.get(item["name"])
        if objective is not None:
            found.append(GateSpec("slo", item["name"], _objective(objective)))
    return in_order(found)


def _ppm(percent: str) -> int:
    return int((share(percent) * 1_000_000).to_integral_value(ROUND_FLOOR))


def _objective(data: Mapping[str, Any]) -> dict[str, int | str]:
    limit = Decimal(data.get("faster-than", "0ms").removesuffix("ms"))
    return {
        # Rounded to the stricter side: an objective is never smaller than it is written.
        "objective-ppm": int((share(data["objective"]) * 1_000_000).to_integral_value(ROUND_CEILING)),
        "samples": max(1, data["minimum-requests"]),
        "days": WINDOWS[data["window"]],
        "faster-than-ms": int(limit.to_integral_value(ROUND_FLOOR)),
        "service": data["service"],
        "sli": data["sli"],
    }


_READ: Mapping[str, Callable[[Any], dict[str, int | str]]] = {
    "error-rate": lambda data: {"max-ppm": _ppm(data["max"]), "samples": data["samples"]},
    "latency": lambda data: {
        "percentile": data["percentile"],
        "max-ms": milliseconds(data["max"]),
        "samples": data["samples"],
    },
    "cpu": lambda data: {"max-permille": _ppm(data["max"]) // 1000},
    "memory": lambda data: {"max-permille": _ppm(data["max"]) // 1000},
    "canary": lambda data: {
        "alpha-ppm": _ppm(data["alpha"]),
        "beta-ppm": _ppm(data["beta"]),
        "effect-ppm": _ppm(data["effect"]),
        "slower-ppm": _ppm(data["slower"]),
        "samples": data["samples"],
    },
    "soak": lambda data: {"seconds": seconds(data)},
    "manual": lambda data: {},
}
