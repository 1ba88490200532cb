"""The blocks inference and fallback of a route, as the block inference of a service."""

from __future__ import annotations

from reconciler.compile.importing.proposing import (
    Data,
    NotSaid,
    flags,
    numbers,
    only,
    strings,
    without_defaults,
)
from reconciler.compile.native.nodes import Node

_PARTS = ("provider", "model-header", "rate-limit", "budget", "cost-attribution", "model-routing", "routing")


def inference(node: Node | None, fallback: Node | None) -> Data:
    """The block of a service."""
    if node is None:
        raise NotSaid("the language has a fallback for inference alone")
    only(node, _PARTS)
    data: Data = {"provider": "generic"}
    strings(node, (("provider", "provider"), ("model-header", "model-header")), data)
    limit = node.child("rate-limit")
    if limit is not None:
        block: Data = {}
        names = ("tokens-per-minute", "requests-per-minute", "burst-tokens")
        numbers(limit, ((name, name) for name in names), block)
        strings(limit, (("estimation-method", "estimate-by"),), block)
        data["rate-limit"] = without_defaults(block, {"burst-tokens": 10_000, "estimate-by": "chars"})
    budget = node.child("budget")
    if budget is not None:
        only(budget, ("period", "limit", "enforce", "rollover", "max-tenants"))
        block = {}
        strings(budget, (("period", "period"),), block)
        numbers(budget, (("limit", "limit"), ("max-tenants", "max-tenants")), block)
        flags(budget, (("enforce", "enforce"), ("rollover", "rollover")), block)
        defaults = {"period": "daily", "enforce": True, "rollover": False, "max-tenants": 10_000}
        data["budget"] = without_defaults(block, defaults)
    cost = node.child("cost-attribution")
    if cost is not None:
        data["cost"] = _cost(cost)
    routing = node.child("model-routing")
    if routing is not None:
        data["model-routing"] = _routing(routing)
    if fallback is not None:
        data["fallback"] = _fallback(fallback)
    return data


def _price(value: object) -> str:
    return format(value, "f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _cost(node: Node) -> Data:
    enabled = node.child("enabled")
    if enabled is not None and enabled.first is not None and enabled.first.value is not True:
        raise NotSaid("its cost attribution is off")
    data: Data = {"currency": node.string_of("currency") or "USD"}
    for theirs, ours in (("default-input-cost", "input"), ("default-output-cost", "output")):
        child = node.child(theirs)
        if child is not None and child.first is not None:
            data[ours] = _price(child.first.value)
    pricing = node.child("pricing")
    models = []
    for model in pricing.all("model") if pricing else ():
        only(model, ("input-cost-per-million", "output-cost-per-million"))
        costs = [model.child(f"{side}-cost-per-million") for side in ("input", "output")]
        values = [
            _price(child.first.value) for child in costs if child is not None and child.first is not None
        ]
        models.append({"name": model.string, **dict(zip(("input", "output"), values, strict=False))})
    return {**data, **({"model": models} if models else {})}


def _routing(node: Node) -> Data:
    models = [
        {
            "name": model.string,
            **{key: entry.value for key in ("upstream", "provider") if (entry := model.property(key))},
        }
        for model in node.all("model")
    ]
    if not models:
        raise NotSaid("its model routing names no model")
    data: Data = {"model": models}
    strings(node, (("default-upstream", "default"),), data)
    return data


def _fallback(node: Node) -> Data:
    data: Data = {}
    numbers(node, (("max-attempts", "attempts"),), data)
    triggers = node.child("triggers")
    if triggers is not None:
        words = ("on-connection-error", "on-budget-exhausted")
        flags(triggers, ((word, word) for word in words), data)
        statuses = triggers.child("on-error-codes")
        if statuses is not None:
            data["on-status"] = [entry.value for entry in statuses.entries]
    data["upstream"] = [
        {"name": one.string, "provider": one.string_of("provider") or "generic"}
        for one in node.all("fallback-upstream")
    ]
    return data
