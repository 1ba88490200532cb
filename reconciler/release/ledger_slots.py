"""The parts of `plan.kdl` and `rollout.kdl` that are there for slots alone, read and written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.clock import iso_milliseconds
from reconciler.config.kdl import KdlNode, KdlValue
from reconciler.fleet.slots import SLOTS, Slots
from reconciler.labels import KEY, VALUE
from reconciler.release.document import MalformedError, argument, number, optional, read_moment, text
from reconciler.release.state import PlannedStep
from reconciler.release.swap import CAUSES, FULL, PHASES, Returning, Serving, Swap, Weights

SLOT = re.compile("|".join(SLOTS))
PHASE = re.compile("|".join(PHASES))
CAUSE = re.compile("|".join(CAUSES))
LABEL = re.compile(KEY)
LABEL_VALUE = re.compile(VALUE)
_LABELS = frozenset({"label", *SLOTS})


def read_swap(nodes: Sequence[KdlNode], steps: Sequence[PlannedStep], path: str) -> Swap | None:
    """The `swap` of a plan, whose steps all have weights then, and else none. Raises `MalformedError`."""
    weighted = {step.weights is not None for step in steps}
    node = optional(nodes, "swap", path)
    if weighted != {node is not None}:
        raise MalformedError(
            f"{path}: every step of a plan with 'swap' has the weights of both slots, no other has"
        )
    if node is None:
        return None
    properties = _properties(node, {"balancer", "within", "samples"}, path)
    return Swap(
        _slots(node, path),
        argument(node, path, SLOT),
        text(properties["balancer"], f"{path}: 'balancer'"),
        number(properties["within"], f"{path}: 'within'"),
        number(properties["samples"], f"{path}: 'samples'"),
    )


def swap_node(swap: Swap) -> KdlNode:
    """The form in a plan."""
    more: dict[str, KdlValue] = {"balancer": swap.balancer, "within": swap.within, "samples": swap.samples}
    return KdlNode("swap", (swap.standby,), {**more, **_named(swap.slots)})


def read_serving(nodes: Sequence[KdlNode], path: str) -> Serving | None:
    """The `serving` of a ledger. Raises `MalformedError`."""
    node = optional(nodes, "serving", path)
    if node is None:
        return None
    _properties(node, set(), path)
    return Serving(_slots(node, path), argument(node, path, SLOT))


def serving_node(serving: Serving) -> KdlNode:
    """The form in the ledger."""
    return KdlNode("serving", (serving.active,), _named(serving.slots))


def read_returning(nodes: Sequence[KdlNode], path: str) -> Returning | None:
    """The `returning` of a rollout. Raises `MalformedError`."""
    node = optional(nodes, "returning", path)
    if node is None:
        return None
    if node.properties.keys() != {"cause", "since", "sequence", "because"}:
        raise MalformedError(f"{path}: 'returning' takes 'cause', 'since', 'sequence' and 'because'")
    return Returning(
        argument(node, path, PHASE),
        text(node.properties["cause"], f"{path}: 'cause'", CAUSE),
        read_moment(text(node.properties["since"], f"{path}: 'since'"), path),
        number(node.properties["sequence"], f"{path}: 'sequence'"),
        text(node.properties["because"], f"{path}: 'because'"),
    )


def returning_node(returning: Returning) -> KdlNode:
    """The form in a rollout."""
    properties: dict[str, KdlValue] = {
        "cause": returning.cause,
        "since": iso_milliseconds(returning.since),
        "sequence": returning.sequence,
        "because": returning.because,
    }
    return KdlNode("returning", (returning.phase,), properties)


def read_weights(step: KdlNode, path: str) -> Weights | None:
    """The weights of a planned step. Raises `MalformedError`, also when both are 0: nobody would serve."""
    written = {slot: step.properties[slot] for slot in SLOTS if slot in step.properties}
    if not written:
        return None
    found = {slot: number(value, f"{path}: '{slot}'") for slot, value in written.items()}
    if found.keys() != set(SLOTS) or max(found.values()) > FULL or not any(found.values()):
        raise MalformedError(f"{path}: a step has two weights from 0 to {FULL}, and not both are 0")
    return found


def _properties(node: KdlNode, names: set[str], path: str) -> dict[str, KdlValue]:
    if node.properties.keys() - _LABELS != names:
        raise MalformedError(f"{path}: '{node.name}' takes {', '.join(sorted({*names, *_LABELS}))}")
    return dict(node.properties)


def _slots(node: KdlNode, path: str) -> Slots:
    written = node.properties.keys() & _LABELS
    if not written:
        return Slots()
    if written != _LABELS:
        raise MalformedError(
            f"{path}: '{node.name}' takes a label with the values of both slots, or none of them"
        )
    return Slots(
        text(node.properties["label"], f"{path}: 'label'", LABEL),
        text(node.properties["blue"], f"{path}: 'blue'", LABEL_VALUE),
        text(node.properties["green"], f"{path}: 'green'", LABEL_VALUE),
    )


def _named(slots: Slots) -> dict[str, KdlValue]:
    if not slots.label:
        return {}
    return {"label": slots.label, "blue": slots.blue, "green": slots.green}
