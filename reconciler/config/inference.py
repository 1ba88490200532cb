"""The block `inference` of a service: limits, budgets, costs and routing of calls to language models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.headers import HEADER_NAME
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, flag, reference, scalar
from reconciler.config.values import Choice, Integer, Pattern, Reference

PROVIDER = Choice(("openai", "anthropic", "generic"), name="provider")
MODEL = Pattern(
    name="model",
    pattern=r"[A-Za-z0-9._:/*-]+",
    expected="the name of a model, in which * stands for any characters",
    hint="write it like 'gpt-4*'",
    maximum=128,
)
PRICE = Pattern(
    name="price",
    pattern=r"[0-9]{1,6}(?:\.[0-9]{1,4})?",
    expected='a price in a string, such as "2.50"',
    hint='write it in quotes, like "2.50"',
)
CURRENCY = Pattern(
    name="currency", pattern=r"[A-Z]{3}", expected="three capitals such as 'EUR'", hint='write it like "USD"'
)
_TOKENS = Integer(1, 1_000_000_000)

_RATE_LIMIT = block(
    "rate-limit",
    "A limit of tokens and requests.",
    (
        scalar(
            "tokens-per-minute", _TOKENS, "Tokens in a minute.", "tokens-per-minute 100000", required=True
        ),
        scalar(
            "requests-per-minute", Integer(1, 10_000_000), "Requests in a minute.", "requests-per-minute 600"
        ),
        scalar(
            "burst-tokens", _TOKENS, "Tokens that may come at once.", "burst-tokens 10000", default=10_000
        ),
        scalar(
            "estimate-by",
            Choice(("chars", "words", "tiktoken")),
            "How the tokens of a request are estimated.",
            'estimate-by "tiktoken"',
            default="chars",
        ),
    ),
    example="rate-limit {\n    tokens-per-minute 100000\n}",
)

_BUDGET = block(
    "budget",
    "How many tokens may be used in a period.",
    (
        scalar(
            "period", Choice(("hourly", "daily", "monthly")), "The period.", 'period "daily"', default="daily"
        ),
        scalar("limit", Integer(1, 10**15), "The tokens of a period.", "limit 5000000", required=True),
        flag("enforce", "Whether requests beyond it are refused.", "enforce #true", default=True),
        flag("rollover", "Whether what is left goes into the next period.", "rollover #false", default=False),
        scalar(
            "max-tenants",
            Integer(1, 1_000_000),
            "Tenants counted at once.",
            "max-tenants 10000",
            default=10_000,
        ),
    ),
    example='budget {\n    period "monthly"\n    limit 100000000\n}',
)

_COST = block(
    "cost",
    "What tokens cost, for the metrics.",
    (
        scalar("currency", CURRENCY, "The currency.", 'currency "EUR"', default="USD"),
        scalar("input", PRICE, "A million tokens of input.", 'input "1.0"', default="1.0"),
        scalar("output", PRICE, "A million tokens of output.", 'output "2.0"', default="2.0"),
        Field(
            "model",
            "The price of a model.",
            'model "gpt-4*" input="10" output="30"',
            arguments=(Slot("name", MODEL, "the model"),),
            properties=(
                Slot("input", PRICE, "a million tokens of input"),
                Slot("output", PRICE, "a million tokens of output"),
            ),
            repeatable=True,
        ),
    ),
    example='cost {\n    currency "USD"\n    model "gpt-4*" input="10" output="30"\n}',
)

_ROUTING = block(
    "model-routing",
    "Which upstream answers for which model; the service's own upstream for the rest.",
    (
        Field(
            "model",
            "A model and its upstream; the first that matches is taken.",
            'model "claude-*" upstream="anthropic" provider="anthropic"',
            arguments=(Slot("name", MODEL, "the model"),),
            properties=(
                Slot("upstream", Reference("upstream"), "the upstream that answers"),
                Slot("provider", PROVIDER, "how that upstream speaks", required=False),
            ),
            repeatable=True,
            required=True,
            ordered=True,
        ),
        reference("default", "upstream", "The upstream for other models.", 'default "openai"'),
    ),
    example='model-routing {\n    model "claude-*" upstream="anthropic" provider="anthropic"\n}',
)

FALLBACK = block(
    "fallback",
    "Other upstreams that are asked when the first does not answer well.",
    (
        scalar("attempts", Integer(1, 10), "How many are asked at most.", "attempts 3", default=3),
        Field(
            "upstream",
            "An upstream, asked in this order.",
            'upstream "anthropic" provider="anthropic"',
            arguments=(Slot("name", Reference("upstream"), "the upstream"),),
            properties=(Slot("provider", PROVIDER, "how it speaks", default="generic"),),
            repeatable=True,
            required=True,
            ordered=True,
        ),
        Field(
            "on-status",
            "Statuses after which the next one is asked.",
            "on-status 429 500 503",
            rest=Slot("value", Integer(400, 599)),
        ),
        flag(
            "on-connection-error",
            "Whether one that cannot be reached counts.",
            "on-connection-error #true",
            default=True,
        ),
        flag(
            "on-budget-exhausted",
            "Whether an exhausted budget counts.",
            "on-budget-exhausted #true",
            default=False,
        ),
    ),
    example='fallback {\n    upstream "anthropic" provider="anthropic"\n    on-status 429 503\n}',
)

INFERENCE = block(
    "inference",
    "Limits, budgets and routing of calls to language models. Changing it restarts the proxy.",
    (
        scalar("provider", PROVIDER, "How the upstream speaks.", 'provider "openai"', default="generic"),
        scalar("model-header", HEADER_NAME, "A header that names the model.", 'model-header "X-Model"'),
        _RATE_LIMIT,
        _BUDGET,
        _COST,
        _ROUTING,
        FALLBACK,
    ),
    example='inference {\n    provider "openai"\n    rate-limit {\n        tokens-per-minute 100000\n    }\n}',
)


def inference_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """What is wrong with an inference block that stands at a path."""
    fallback = data.get("fallback", {})
    if fallback.get("on-budget-exhausted") and "budget" not in data:
        problem = Problem(
            "E-VAL-009",
            "no budget can be exhausted: there is none",
            "a budget",
            "add a budget, or remove this line",
        )
        yield Complaint((*path, "fallback", "on-budget-exhausted"), problem)
