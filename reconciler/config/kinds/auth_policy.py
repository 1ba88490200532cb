"""The kind `auth-policy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.credentials import Credential, HttpsUrl
from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, block, kind, scalar, values
from reconciler.config.values import Choice, Pattern, Text

METHODS = ("jwt", "oidc", "api-key", "basic", "introspection", "mtls")
"""The methods, in the order in which they are written."""

BY_AUTHORIZATION = ("jwt", "oidc", "basic", "introspection")
"""Methods that read the header Authorization, of which a request has one."""

CLAIM = Pattern(
    name="claim",
    pattern=r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*",
    expected="the name of a claim, such as 'sub'",
    hint="write the name alone",
    maximum=200,
)
SCOPE = Pattern(
    name="scope",
    pattern=r"[\x21\x23-\x5b\x5d-\x7e]+",
    expected="a scope without spaces, quotes and backslashes",
    hint="write each scope as a value of its own",
    maximum=200,
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    present = [method for method in METHODS if method in data]
    if not present:
        problem = Problem(
            "E-KND-003",
            "'auth-policy' lacks a method",
            f"one or several of {', '.join(METHODS)}",
            "add: " + METHODS[0] + " { … }",
        )
        found.append(Complaint((), problem))
    shared = [method for method in present if method in BY_AUTHORIZATION]
    if data["require"] == "all" and len(shared) > 1:
        problem = Problem(
            "E-VAL-009",
            f"no request can satisfy {' and '.join(shared)} at once: each reads the header Authorization",
            "one of them",
            'keep one, or write require "any"',
        )
        found.append(Complaint(("require",), problem, "all"))
    if data["user-header"].lower() == data["method-header"].lower():
        problem = Problem(
            "E-VAL-009",
            "user-header and method-header are the same header",
            "two headers",
            "remove one of the two lines",
        )
        found.append(Complaint(("method-header",), problem))
    return tuple(found)


KIND = kind(
    "auth-policy",
    "Who may use a service. The proxy has no authentication: an auth agent beside it does it, and requests are refused "
    "while the agent does not answer. docs/language/agents.md says how the agent is run.",
    (
        scalar("description", Text(), "Whom it lets in.", 'description "Customers and partners"'),
        scalar(
            "require",
            Choice(("any", "all")),
            "Whether one method is enough, or each is needed. For all there is one agent for each method.",
            'require "all"',
            default="any",
        ),
        block(
            "jwt",
            "A bearer token signed with a shared secret. For tokens signed with a private key, use oidc.",
            (
                scalar(
                    "secret",
                    Credential("the key of the tokens"),
                    "The secret that the tokens are signed with.",
                    'secret "${secret:token-key}"',
                    required=True,
                ),
                scalar(
                    "algorithm",
                    Choice(
                        ("HS256", "HS384", "HS512"),
                        instead={
                            **dict.fromkeys(
                                ("RS256", "RS384", "RS512", "ES256", "ES384"),
                                "use oidc { jwks-url }, which brings the public keys",
                            ),
                            "none": "an unsigned token proves nothing",
                        },
                    ),
                    "How they are signed.",
                    'algorithm "HS256"',
                    default="HS256",
                ),
                scalar(
                    "issuer", Text(500), "The issuer that a token has to name.", 'issuer "https://id.example"'
                ),
                scalar("audience", Text(500), "The audience that it has to name.", 'audience "shop"'),
            ),
            example='jwt {\n    secret "${secret:token-key}"\n    issuer "https://id.example"\n    audience "shop"\n}',
        ),
        block(
            "oidc",
            "A bearer token of an OpenID Connect or OAuth 2 provider, checked with the provider's public keys.",
            (
                scalar(
                    "issuer",
                    HttpsUrl(),
                    "The issuer that a token has to name, letter for letter.",
                    'issuer "https://id.example"',
                    required=True,
                ),
                scalar(
                    "jwks-url",
                    HttpsUrl(),
                    "Where the provider's keys are.",
                    'jwks-url "https://id.example/jwks.json"',
                    required=True,
                ),
                scalar(
                    "audience",
                    Text(500),
                    "The audience that a token has to name. Without it tokens for other services would do.",
                    'audience "shop"',
                    required=True,
                ),
                values(
                    "scopes", SCOPE, "Scopes that a token has to have, each of them.", 'scopes "orders:read"'
                ),
                scalar(
                    "user-claim", CLAIM, "The claim that says who it is.", 'user-claim "email"', default="sub"
                ),
                scalar(
                    "scope-claim", CLAIM, "The claim with the scopes.", 'scope-claim "scp"', default="scope"
                ),
                scalar(
                    "refresh",
                    Duration("1m", "24h"),
                    "How long the keys are kept before they are asked for again.",
                    'refresh "1h"',
                    default="1h",
                ),
                scalar(
                    "clock-skew",
                    Duration("0s", "5m"),
                    "How far the provider's clock may be off.",
                    'clock-skew "30s"',
                    default="30s",
                ),
            ),
            example='oidc {\n    issuer "https://id.example"\n    jwks-url "https://id.example/jwks.json"\n'
            '    audience "shop"\n}',
        ),
        block(
            "api-key",
            "A key in a header.",
            (
                scalar("header", HEADER_NAME, "The header.", 'header "X-API-Key"', default="X-API-Key"),
                values(
                    "secrets",
                    Credential("an API key"),
                    "Secrets, each of which holds one key and the name of its owner, as KEY:NAME.",
                    'secrets "${secret:partner-key}"',
                    required=True,
                ),
            ),
            example='api-key {\n    secrets "${secret:partner-key}"\n}',
        ),
        block(
            "basic",
            "User and password by HTTP's own means.",
            (
                values(
                    "secrets",
                    Credential("a password"),
                    "Secrets, each of which holds one user and the password, as USER:PASSWORD.",
                    'secrets "${secret:staff-login}"',
                    required=True,
                ),
            ),
            example='basic {\n    secrets "${secret:staff-login}"\n}',
        ),
        block(
            "introspection",
            "A token that the provider is asked about (RFC 7662).",
            (
                scalar(
                    "url",
                    HttpsUrl(),
                    "Where to ask.",
                    'url "https://id.example/introspect"',
                    required=True,
                ),
                scalar("client-id", Text(200), "Who asks.", 'client-id "edge"', required=True),
                scalar(
                    "secret",
                    Credential("the client's secret"),
                    "The client's secret.",
                    'secret "${secret:introspection}"',
                    required=True,
                ),
            ),
            example='introspection {\n    url "https://id.example/introspect"\n    client-id "edge"\n'
            '    secret "${secret:introspection}"\n}',
            note="Not possible today: the agent cannot ask. Using it is an error that says what to do instead.",
        ),
        block(
            "mtls",
            "A certificate of the client.",
            (
                values(
                    "names",
                    Text(253),
                    "Names of which the certificate has to bear one.",
                    'names "partner.example"',
                    required=True,
                ),
            ),
            example='mtls {\n    names "partner.example"\n}',
            note="Not possible today: the proxy asks no client for a certificate. Using it is an error that says what "
            "to do instead.",
        ),
        scalar(
            "user-header",
            HEADER_NAME,
            "The header that tells the service who it is.",
            'user-header "X-User-Id"',
            default="X-User-Id",
        ),
        scalar(
            "method-header",
            HEADER_NAME,
            "The header that tells the service by which method.",
            'method-header "X-Auth-Method"',
            default="X-Auth-Method",
        ),
        scalar(
            "timeout", Duration("1s", "1m"), "How long the proxy waits for it.", 'timeout "1s"', default="1s"
        ),
    ),
    example='auth-policy "customers" {\n    oidc {\n        issuer "https://id.example"\n'
    '        jwks-url "https://id.example/jwks.json"\n        audience "shop"\n    }\n}',
    check=_check,
)
