"""The kind `notification-channel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.credentials import Credential, HttpsUrl
from reconciler.config.declared import DECLARED
from reconciler.config.kinds.health_check import header_complaints, header_field
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, block, kind, scalar, values
from reconciler.config.values import Pattern, Text

TYPES = ("slack", "teams", "pagerduty", "email", "webhook")

EMAIL = Pattern(
    name="address",
    pattern=r"[A-Za-z0-9._%+'-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+",
    expected="a mail address such as 'edge@shop.example'",
    hint="write the address alone, the part behind @ in lower case",
    maximum=254,
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    given = [name for name in TYPES if name in data]
    if len(given) != 1:
        said = f"the channel leads to {len(given)} places" if given else "the channel leads nowhere"
        hint = "make a channel of each" if given else 'add: email { to "edge@shop.example" }'
        problem = Problem("E-VAL-009", said, f"exactly one of {', '.join(TYPES)}", hint)
        found.append(Complaint((given[1],) if given else (), problem))
    found.extend(header_complaints(data.get("webhook", {}), ("webhook",)))
    return tuple(found)


def _incoming(name: str, product: str) -> Field:
    example = f'url "${{secret:{name}-url}}"'
    return block(
        name,
        f"A channel of {product}.",
        (
            scalar(
                "url",
                Credential("the address of an incoming webhook, which is a credential,"),
                "The incoming webhook's address. Whoever has it may post, so it is a secret.",
                example,
                required=True,
            ),
        ),
        example=f"{name} {{\n    {example}\n}}",
    )


KIND = kind(
    "notification-channel",
    "Where messages go. Credentials are named and never written out." + DECLARED,
    (
        scalar("description", Text(), "Who reads it.", 'description "The team on call"'),
        _incoming("slack", "Slack"),
        _incoming("teams", "Microsoft Teams"),
        block(
            "pagerduty",
            "A service of PagerDuty, by its Events API version 2.",
            (
                scalar(
                    "routing-key",
                    Credential("the routing key"),
                    "The integration's routing key.",
                    'routing-key "${secret:pagerduty-key}"',
                    required=True,
                ),
            ),
            example='pagerduty {\n    routing-key "${secret:pagerduty-key}"\n}',
        ),
        block(
            "email",
            "Mail, by the mail server of the installation.",
            (
                values("to", EMAIL, "Who gets it.", 'to "edge@shop.example"', required=True),
                scalar("subject-prefix", Text(40), "What subjects begin with.", 'subject-prefix "[shop]"'),
            ),
            example='email {\n    to "edge@shop.example"\n}',
        ),
        block(
            "webhook",
            "A POST of JSON, signed with HMAC-SHA256 when there is a signing secret.",
            (
                scalar(
                    "url",
                    HttpsUrl(secret=True),
                    "Where to. A secret when the address itself is one.",
                    'url "https://hooks.example.com/sentinel"',
                    required=True,
                ),
                scalar(
                    "signing-secret",
                    Credential("the signing secret"),
                    "The key of the signature.",
                    'signing-secret "${secret:hooks-signing}"',
                ),
                header_field('header "Authorization" "${secret:hooks-token}"'),
            ),
            example='webhook {\n    url "https://hooks.example.com/sentinel"\n    signing-secret '
            '"${secret:hooks-signing}"\n}',
        ),
    ),
    example='notification-channel "on-call" {\n    email {\n        to "edge@shop.example"\n    }\n}',
    overridable=False,
    check=_check,
)
