"""The kind `middleware`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.config.agents import CONNECTION, connection_complaints
from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.network import METHOD, NETWORK
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, block, flag, kind, scalar, values
from reconciler.config.sizes import Size
from reconciler.config.traffic import (
    CACHE,
    PATH_REWRITE,
    RATE_LIMIT,
    REDIRECT,
    TIMEOUTS,
    header_changes,
    header_complaints,
    path_rewrite_complaints,
    rate_limit_complaints,
    redirect_complaints,
)
from reconciler.config.values import Choice, Pattern, Reference, Text

_ORIGIN = Pattern(
    name="origin",
    pattern=r"\*|https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?",
    expected="an origin such as 'https://shop.example', or '*' for all",
    hint="write scheme and host without a path",
    maximum=300,
)
_CORS = block(
    "cors",
    "Which other sites' pages may read answers. With origins \"*\" alone it is the proxy's own filter; with one origin "
    "it is a set of fixed headers.",
    (
        values(
            "origins",
            _ORIGIN,
            'The origins, or "*" for all.',
            'origins "https://shop.example"',
            required=True,
        ),
        values("methods", METHOD, "The methods, with one origin; all when absent.", 'methods "GET" "POST"'),
        values("headers", HEADER_NAME, "The request headers, with one origin.", 'headers "Authorization"'),
        values(
            "expose-headers",
            HEADER_NAME,
            "The answer's headers, with one origin.",
            'expose-headers "X-Total"',
        ),
        flag(
            "credentials",
            "Whether cookies are sent along, with one origin.",
            "credentials #true",
            default=False,
        ),
        scalar(
            "max-age", Duration("1s", "24h"), "How long browsers keep this, with one origin.", 'max-age "1h"'
        ),
    ),
    example='cors {\n    origins "https://shop.example"\n    credentials #true\n}',
)

_COMPRESSION = block(
    "compression",
    "Compresses HTML, CSS, JSON and JavaScript. The proxy chooses algorithm and level.",
    (
        scalar(
            "min-size",
            Size("1B", "10MiB"),
            "The smallest answer that is compressed.",
            'min-size "1KiB"',
            default="1KiB",
        ),
    ),
    example='compression {\n    min-size "2KiB"\n}',
)

_HEADERS = block(
    "headers",
    "Changes headers. What is renamed, set, added and removed comes in this order.",
    (
        header_changes("request", "On the way to the target."),
        header_changes("response", "On the way to the client."),
    ),
    example='headers {\n    response {\n        remove "Server"\n    }\n}',
)

_ACCESS_CONTROL = block(
    "access-control",
    "Which client addresses may ask. The proxy cannot do this; an agent can (support.md).",
    (
        values("allow", NETWORK, "Networks that may ask.", 'allow "10.0.0.0/8"'),
        values("deny", NETWORK, "Networks that may not.", 'deny "192.0.2.0/24"'),
    ),
    example='access-control {\n    allow "10.0.0.0/8"\n}',
)

_SECURITY_HEADERS = block(
    "security-headers",
    "Response headers that make browsers careful.",
    (
        scalar("hsts", Duration("1s", "730d"), "How long browsers insist on HTTPS.", 'hsts "365d"'),
        flag("hsts-subdomains", "Whether that includes subdomains.", "hsts-subdomains #true", default=False),
        flag("hsts-preload", "Whether browsers may ship with it.", "hsts-preload #true", default=False),
        flag("no-sniff", "Whether X-Content-Type-Options is set.", "no-sniff #true", default=True),
        scalar(
            "frame",
            Choice(("deny", "same-origin", "any")),
            "Who may frame the pages.",
            'frame "deny"',
            default="deny",
        ),
        scalar(
            "referrer",
            Choice(
                (
                    "no-referrer",
                    "same-origin",
                    "strict-origin",
                    "strict-origin-when-cross-origin",
                    "no-referrer-when-downgrade",
                    "origin",
                    "origin-when-cross-origin",
                    "unsafe-url",
                )
            ),
            "What links tell of where they stand.",
            'referrer "no-referrer"',
            default="strict-origin-when-cross-origin",
        ),
        scalar(
            "content-security-policy",
            HEADER_VALUE,
            "What pages may load and run.",
            "content-security-policy \"default-src 'self'\"",
        ),
        scalar("permissions-policy", HEADER_VALUE, "What pages may use.", 'permissions-policy "camera=()"'),
    ),
    example='security-headers {\n    hsts "365d"\n    frame "deny"\n}',
)

_BODY_LIMIT = block(
    "body-limit",
    "The largest request body. The proxy has one limit for all, so every service of an environment carries the same.",
    (scalar("size", Size("1MiB", "1GiB"), "The largest body.", 'size "10MiB"', required=True),),
    example='body-limit {\n    size "10MiB"\n}',
)

_TRANSFORM = block(
    "transform",
    "Lets an agent change requests and responses, bodies included.",
    (
        *CONNECTION,
        flag("request", "Whether it sees requests.", "request #true", default=True),
        flag("response", "Whether it sees responses.", "response #true", default=True),
    ),
    example='transform {\n    socket "/run/zentinel/transform.sock"\n    response #false\n}',
)

EVENTS = (
    "request-headers",
    "request-body",
    "response-headers",
    "response-body",
    "log",
    "websocket-frame",
)

_CUSTOM = block(
    "custom",
    "Asks an agent of one's own. Agents are configured by their own flags and files, not by the proxy.",
    (
        *CONNECTION,
        values(
            "events",
            Choice(EVENTS),
            "When it is asked; for request headers when absent.",
            'events "request-headers"',
        ),
        values(
            "plugins",
            Reference("plugin"),
            "Plugins that the agent runs. A file of the agent lists them (agents.md).",
            'plugins "geo"',
        ),
    ),
    example='custom {\n    socket "/run/zentinel/audit.sock"\n    events "request-headers" "log"\n}',
)

_NATIVE = block(
    "native",
    "A filter of a proxy resource, which does whatever the proxy's own language says there. This middleware may have "
    "another name than the filter.",
    (
        scalar(
            "filter",
            Pattern(
                "filter's name",
                r"[!-~](?:[ -~]*[!-~])?",
                "the name of a filter in a proxy resource",
                "write the name that stands behind filter",
            ),
            "The filter.",
            'filter "login"',
            required=True,
        ),
    ),
    example='native {\n    filter "login"\n}',
)

BLOCKS: Mapping[str, Field] = {
    field.name: field
    for field in (
        RATE_LIMIT,
        _CORS,
        CACHE,
        _COMPRESSION,
        _HEADERS,
        _ACCESS_CONTROL,
        PATH_REWRITE,
        REDIRECT,
        TIMEOUTS,
        _SECURITY_HEADERS,
        _BODY_LIMIT,
        _TRANSFORM,
        _CUSTOM,
        _NATIVE,
    )
}
"""Every type of middleware by its name."""


def type_of(data: Mapping[str, Any]) -> str:
    """The type of a middleware. Raises StopIteration when it has none."""
    return next(name for name in BLOCKS if name in data)


def overriding(field: Field) -> Field:
    """The same block where only what is different is written: nothing is required and nothing has a default."""
    return replace(
        field,
        required=False,
        default=None,
        children=tuple(overriding(child) for child in field.children),
        properties=tuple(replace(slot, required=False, default=None) for slot in field.properties),
    )


def _cors(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    if "*" not in data.get("origins", ()):
        return
    if len(data["origins"]) > 1:
        problem = Problem(
            "E-VAL-009", "'*' is every origin already", "'*' alone, or origins", "remove one of the two"
        )
        yield Complaint((*path, "origins"), problem, "*")
    if data["credentials"]:
        problem = Problem(
            "E-VAL-009",
            "browsers send no credentials to answers for every origin",
            "one origin",
            'name it in place of "*", or remove this line',
        )
        yield Complaint((*path, "credentials"), problem)
    for name in ("methods", "headers", "expose-headers", "max-age"):
        if name in data:
            problem = Problem(
                "E-VAL-009",
                f"'{name}' cannot be set for every origin: the proxy's filter has no settings",
                "one origin, or no such line",
                "name one origin, or remove this line",
            )
            yield Complaint((*path, name), problem)


def _headers(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    for part in ("request", "response"):
        yield from header_complaints(data.get(part, {}), (*path, part))


def _security(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    for name in ("hsts-subdomains", "hsts-preload"):
        if data[name] and "hsts" not in data:
            problem = Problem("E-VAL-009", f"'{name}' means nothing without hsts", 'hsts "365d"', "add it")
            yield Complaint((*path, name), problem)


def _transform(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    yield from connection_complaints(data, path)
    if not (data["request"] or data["response"]):
        problem = Problem(
            "E-VAL-009", "the agent sees nothing", "request or response", "set one of the two to #true"
        )
        yield Complaint((*path, "response"), problem)


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], tuple[str, ...]], Iterator[Complaint]]] = {
    "rate-limit": rate_limit_complaints,
    "redirect": redirect_complaints,
    "path-rewrite": path_rewrite_complaints,
    "cors": _cors,
    "headers": _headers,
    "security-headers": _security,
    "transform": _transform,
    "custom": connection_complaints,
}


def complaints(type_name: str, data: Mapping[str, Any], path: tuple[str, ...]) -> tuple[Complaint, ...]:
    """What is wrong with the block of a type, with its defaults, that stands at a path."""
    check = _CHECKS.get(type_name)
    return tuple(check(data, path)) if check else ()


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    types = [name for name in BLOCKS if name in data]
    if len(types) > 1:
        problem = Problem(
            "E-VAL-009",
            f"a middleware is of one type, and this one is of {' and '.join(types)}",
            "one block",
            "make two middlewares; a service can have both",
        )
        return (Complaint((types[1],), problem),)
    return tuple(found for name in types for found in complaints(name, data[name], (name,)))


KIND = kind(
    "middleware",
    "Something that is done to the requests or answers of every service that names it. It has one block, its type. A "
    "service names middlewares in order and may change single fields of them.",
    (
        scalar("description", Text(), "What it is for.", 'description "Limits the public API"'),
        *BLOCKS.values(),
    ),
    example='middleware "api-limit" {\n    rate-limit {\n        requests-per-second 100\n    }\n}',
    check=_check,
    one_of=tuple(BLOCKS),
)
