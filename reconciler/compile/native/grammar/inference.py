"""`inference` of a route. Source: `config/src/kdl/routes.rs`, from `parse_inference_config` on."""

from __future__ import annotations

from reconciler.compile.native.grammar.rows import INERT, RELOAD, block, decimal, several, text, truth, whole
from reconciler.compile.native.shape import Block, Kind, Repeat, Row, Words

_FAILURE = Words(("open", "closed"), refused=True)

_RATE_LIMIT = Block(
    "rate-limit of inference",
    (
        whole("tokens-per-minute", required=True),
        whole("requests-per-minute"),
        whole("burst-tokens", "10000"),
        text(
            "estimation-method",
            "chars",
            words=Words(("chars", "characters", "words", "tiktoken"), refused=True),
        ),
    ),
)

_BUDGET = Block(
    "budget",
    (
        text("period", "daily", note="hourly, daily, monthly, or a number of seconds as a string"),
        whole("limit", required=True),
        several("alert-thresholds", Kind.numbers, "0.8 0.9 0.95"),
        truth("enforce", "#true"),
        truth("rollover", "#false"),
        decimal("burst-allowance"),
        whole("max-tenants", "10000"),
    ),
)

_PRICE = Block(
    "model of a pricing",
    (
        decimal("input-cost-per-million", required=True),
        decimal("output-cost-per-million", required=True),
        text("currency"),
    ),
    identified=True,
    arguments=1,
)

_COST = Block(
    "cost-attribution",
    (
        truth("enabled", "#true"),
        decimal("default-input-cost", "1.0"),
        decimal("default-output-cost", "2.0"),
        text("currency", "USD"),
        block("pricing", Block("pricing", (block("model", _PRICE, repeat=Repeat.all),))),
    ),
)

_ROUTING = Block(
    "routing",
    (
        text(
            "strategy",
            "least-tokens-queued",
            words=Words(
                (
                    "least-tokens-queued",
                    "least_tokens_queued",
                    "round-robin",
                    "round_robin",
                    "least-latency",
                    "least_latency",
                ),
                refused=True,
            ),
        ),
        text("queue-depth-header"),
    ),
)

_MODEL_ROUTING = Block(
    "model-routing",
    (
        Row("model", Kind.free, repeat=Repeat.all, effect=RELOAD),
        text("default-upstream", effect=RELOAD),
    ),
)

_GUARD = (
    truth("enabled", "#false", effect=RELOAD),
    text("agent", required=True, effect=RELOAD),
    text("failure-mode", "open", words=_FAILURE, effect=RELOAD),
)

_GUARDRAILS = Block(
    "guardrails",
    (
        block(
            "prompt-injection",
            Block(
                "prompt-injection",
                (
                    *_GUARD,
                    text("action", "log", words=Words(("block", "log", "warn"), refused=True), effect=RELOAD),
                    whole("block-status", "400", "u16", effect=RELOAD),
                    text("block-message", effect=RELOAD),
                    whole("timeout-ms", "500", effect=RELOAD),
                ),
            ),
        ),
        block(
            "pii-detection",
            Block(
                "pii-detection",
                (
                    *_GUARD,
                    text(
                        "action", "log", words=Words(("log", "redact", "block"), refused=True), effect=RELOAD
                    ),
                    several("categories", effect=RELOAD),
                    whole("timeout-ms", "1000", effect=RELOAD),
                ),
            ),
        ),
    ),
)

INFERENCE = Block(
    "inference",
    (
        text(
            "provider",
            "generic",
            words=Words(("openai", "open-ai", "open_ai", "anthropic", "generic"), refused=True),
        ),
        text("model-header"),
        block("rate-limit", _RATE_LIMIT),
        block("budget", _BUDGET),
        block("cost-attribution", _COST),
        block("routing", _ROUTING, effect=INERT),
        block("model-routing", _MODEL_ROUTING, effect=RELOAD),
        block("guardrails", _GUARDRAILS, effect=RELOAD),
    ),
)
