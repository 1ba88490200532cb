"""The inference block of a service, and its fallback, as parts of a route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.kdl import KdlNode

Data = Mapping[str, Any]

_PLAIN_BUDGET = ("period", "limit", "enforce", "rollover", "max-tenants")


def inference_nodes(data: Data) -> tuple[KdlNode, ...]:
    """The blocks `inference` and `fallback` of a route."""
    children = [KdlNode("provider", (data["provider"],))]
    if "model-header" in data:
        children.append(KdlNode("model-header", (data["model-header"],)))
    if "rate-limit" in data:
        children.append(_rate_limit(data["rate-limit"]))
    if "budget" in data:
        budget = data["budget"]
        parts = tuple(KdlNode(name, (budget[name],)) for name in _PLAIN_BUDGET)
        children.append(KdlNode("budget", children=parts))
    if "cost" in data:
        children.append(_cost(data["cost"]))
    if "model-routing" in data:
        children.append(_model_routing(data["model-routing"]))
    inference = KdlNode("inference", children=tuple(children))
    return (inference, _fallback(data["fallback"])) if "fallback" in data else (inference,)


def _rate_limit(data: Data) -> KdlNode:
    parts = [KdlNode("tokens-per-minute", (data["tokens-per-minute"],))]
    if "requests-per-minute" in data:
        parts.append(KdlNode("requests-per-minute", (data["requests-per-minute"],)))
    parts.append(KdlNode("burst-tokens", (data["burst-tokens"],)))
    parts.append(KdlNode("estimation-method", (data["estimate-by"],)))
    return KdlNode("rate-limit", children=tuple(parts))


def _cost(data: Data) -> KdlNode:
    children = [
        KdlNode("enabled", (True,)),
        KdlNode("default-input-cost", (float(data["input"]),)),
        KdlNode("default-output-cost", (float(data["output"]),)),
        KdlNode("currency", (data["currency"],)),
    ]
    models = tuple(
        KdlNode(
            "model",
            (model["name"],),
            children=(
                KdlNode("input-cost-per-million", (float(model["input"]),)),
                KdlNode("output-cost-per-million", (float(model["output"]),)),
            ),
        )
        for model in data.get("model", ())
    )
    if models:
        children.append(KdlNode("pricing", children=models))
    return KdlNode("cost-attribution", children=tuple(children))


def _model_routing(data: Data) -> KdlNode:
    children = [
        KdlNode(
            "model", (model["name"],), {key: model[key] for key in ("upstream", "provider") if key in model}
        )
        for model in data["model"]
    ]
    if "default" in data:
        children.append(KdlNode("default-upstream", (data["default"],)))
    return KdlNode("model-routing", children=tuple(children))


def _fallback(data: Data) -> KdlNode:
    triggers = [
        KdlNode("on-connection-error", (data["on-connection-error"],)),
        KdlNode("on-budget-exhausted", (data["on-budget-exhausted"],)),
    ]
    if "on-status" in data:
        triggers.append(KdlNode("on-error-codes", tuple(data["on-status"])))
    upstreams = (
        KdlNode("fallback-upstream", (one["name"],), children=(KdlNode("provider", (one["provider"],)),))
        for one in data["upstream"]
    )
    return KdlNode(
        "fallback",
        children=(
            KdlNode("max-attempts", (data["attempts"],)),
            KdlNode("triggers", children=tuple(triggers)),
            *upstreams,
        ),
    )
