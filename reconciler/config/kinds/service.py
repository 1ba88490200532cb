"""The kind `service`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.inference import INFERENCE, inference_complaints
from reconciler.config.kinds import middleware
from reconciler.config.network import HOST, METHOD, PATH, REGEX
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, flag, kind, reference, scalar, values
from reconciler.config.sizes import Size
from reconciler.config.traffic import (
    CACHE,
    FILE_NAME,
    FOLDER,
    RATE_LIMIT,
    REDIRECT,
    TIMEOUTS,
    header_changes,
    header_complaints,
    rate_limit_complaints,
    redirect_complaints,
)
from reconciler.config.values import Choice, Integer, Reference

PATHS = ("path", "path-prefix", "path-regex")
DESTINATIONS = ("upstream", "split", "redirect", "static", "maintenance")
"""What may become of a request. A service has exactly one of them."""

_STATIC = block(
    "static",
    "Serves files of the node. The folder has to be there before the proxy takes the configuration. Changing it "
    "restarts the proxy.",
    (
        scalar("root", FOLDER, "The folder.", 'root "/srv/www/shop"', required=True),
        scalar("index", FILE_NAME, "The file of a folder.", 'index "index.html"', default="index.html"),
        flag("listing", "Whether folders are listed.", "listing #false", default=False),
        scalar(
            "cache-control",
            HEADER_VALUE,
            "The header that tells browsers how long to keep files.",
            'cache-control "public, max-age=60"',
            default="public, max-age=3600",
        ),
        flag("compress", "Whether files are compressed.", "compress #true", default=True),
        scalar("fallback", FILE_NAME, "The file for paths that are not there.", 'fallback "index.html"'),
    ),
    example='static {\n    root "/srv/www/shop"\n    fallback "index.html"\n}',
)

_MAINTENANCE = block(
    "maintenance",
    "Answers everything with one page of the node.",
    (
        scalar(
            "root", FOLDER, "The folder in which the page is.", 'root "/srv/www/maintenance"', required=True
        ),
        scalar("page", FILE_NAME, "The page.", 'page "index.html"', default="index.html"),
        scalar(
            "status",
            Integer(200, 599),
            "The status. The proxy can answer with 200 only (support.md).",
            "status 200",
            default=200,
        ),
    ),
    example='maintenance {\n    root "/srv/www/maintenance"\n}',
)

_SHADOW = block(
    "shadow",
    "Copies requests to a second upstream, whose answers are dropped.",
    (
        reference("upstream", "upstream", "Where the copies go.", 'upstream "orders-next"', required=True),
        scalar(
            "percent", Integer(1, 100), "The share of requests that is copied.", "percent 10", default=100
        ),
        Field(
            "header",
            "Only requests with this header are copied.",
            'header "X-Shadow" "yes"',
            arguments=(Slot("name", HEADER_NAME, "the header"), Slot("value", HEADER_VALUE, "its value")),
        ),
        scalar("timeout", Duration("1s", "1m"), "How long a copy may take.", 'timeout "5s"', default="5s"),
        flag("body", "Whether bodies are copied.", "body #true", default=False),
        scalar(
            "max-body",
            Size("1B", "100MiB"),
            "The largest body that is copied.",
            'max-body "1MiB"',
            default="1MiB",
        ),
    ),
    example='shadow {\n    upstream "orders-next"\n    percent 10\n}',
)

_MIDDLEWARE = Field(
    "middleware",
    "A middleware. Several are applied in the order in which they stand here. A block in it changes single fields for "
    "this service.",
    'middleware "api-limit" {\n    rate-limit {\n        requests-per-second 20\n    }\n}',
    arguments=(Slot("name", Reference("middleware"), "the middleware"),),
    children=tuple(middleware.overriding(field) for field in middleware.BLOCKS.values()),
    repeatable=True,
    ordered=True,
    elsewhere="middleware",
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    return tuple(_complaints(data))


def _complaints(data: Mapping[str, Any]) -> Iterator[Complaint]:
    for name in ("request-headers", "response-headers"):
        yield from header_complaints(data.get(name, {}), (name,))
    if "rate-limit" in data:
        yield from rate_limit_complaints(data["rate-limit"], ("rate-limit",))
    if "redirect" in data:
        yield from redirect_complaints(data["redirect"], ("redirect",))
    if "inference" in data:
        yield from inference_complaints(data["inference"], ("inference",))
    yield from _destination(data)
    yield from _split(data)
    yield from _protocol(data)


def _destination(data: Mapping[str, Any]) -> Iterator[Complaint]:
    found = [name for name in DESTINATIONS if name in data]
    for other in found[1:]:
        problem = Problem(
            "E-VAL-009",
            f"'{found[0]}' and '{other}' both say what becomes of a request",
            "one of the two",
            f"remove one of the two; in a 'for' block, add: remove \"{found[0]}\"",
        )
        yield Complaint((other,), problem)
    if found and found[0] not in ("upstream", "split"):
        for name in ("attempts", "timeouts", "shadow", "websocket", "inference", "cache"):
            if data.get(name):
                problem = Problem(
                    "E-VAL-009",
                    f"'{name}' means nothing with '{found[0]}', which asks no upstream",
                    "an upstream or a split",
                    "remove one of the two",
                )
                yield Complaint((name,), problem)


def _split(data: Mapping[str, Any]) -> Iterator[Complaint]:
    parts = data.get("split", ())
    if len(parts) == 1:
        problem = Problem(
            "E-VAL-009", "one upstream is no split", "several", f'write: upstream "{parts[0]["name"]}"'
        )
        yield Complaint(("split",), problem, parts[0]["name"])
    if parts and not any(part["weight"] for part in parts):
        problem = Problem(
            "E-VAL-009", "no part of the split has a weight", "a weight above 0", "weigh one of them"
        )
        yield Complaint(("split",), problem, parts[0]["name"])


def _protocol(data: Mapping[str, Any]) -> Iterator[Complaint]:
    protocol = data["protocol"]
    methods = data.get("methods")
    if protocol in ("grpc", "graphql") and methods and "POST" not in methods:
        problem = Problem(
            "E-VAL-009", f"{protocol} is spoken with POST, which is left out", "POST", 'write: methods "POST"'
        )
        yield Complaint(("methods",), problem, methods[0])
    if protocol in ("grpc", "streaming") and "cache" in data:
        problem = Problem(
            "E-VAL-009",
            f"answers of {protocol} cannot be kept",
            "no cache",
            "remove the cache, or the protocol",
        )
        yield Complaint(("cache",), problem)


KIND = kind(
    "service",
    "Which requests there are, and what becomes of them. A request has to match a host, a path and a method; where "
    "several are given, any one of them does. It goes to an upstream, or to one of several (split), or is answered "
    "with a redirect, with files of the node (static) or with a page (maintenance). A middleware that redirects is "
    "enough too.",
    (
        values(
            "hosts",
            HOST,
            "Host names; every host when absent.",
            'hosts "shop.example.com" "*.shop.example.com"',
        ),
        values("path", PATH, "Exact paths.", 'path "/login"'),
        values(
            "path-prefix",
            PATH,
            "Beginnings of paths, at the boundary of a segment: '/v2' matches '/v2/x' and not '/v2x'. With neither "
            "this nor path nor path-regex, every path matches.",
            'path-prefix "/orders"',
        ),
        values(
            "path-regex",
            REGEX,
            "Regular expressions in Rust's syntax, found anywhere in the path unless anchored with ^ and $.",
            'path-regex #"^/v[0-9]+/orders$"#',
        ),
        values("methods", METHOD, "Methods; every method when absent.", 'methods "GET" "HEAD"'),
        Field(
            "header",
            "A header that the request has to have, with this value or any. All that are given have to be there.",
            'header "X-Api-Version" "2"',
            arguments=(
                Slot("name", HEADER_NAME, "the header"),
                Slot("value", HEADER_VALUE, "its value; any when absent", required=False),
            ),
            repeatable=True,
        ),
        reference("upstream", "upstream", "Where the requests go.", 'upstream "orders"'),
        Field(
            "split",
            "An upstream that gets a share of the requests, in place of one upstream for all. The proxy has one "
            "upstream for a route, so the targets of all parts are put into one, with scaled weights (support.md).",
            'split "orders-next" weight=10',
            arguments=(Slot("name", Reference("upstream"), "the upstream"),),
            properties=(Slot("weight", Integer(0, 1000), "its share, compared with the others'"),),
            repeatable=True,
        ),
        REDIRECT,
        _STATIC,
        _MAINTENANCE,
        reference("auth", "auth-policy", "Who may use it; everybody when absent.", 'auth "customers"'),
        reference("waf", "waf-policy", "Which attacks its requests are searched for.", 'waf "public"'),
        scalar(
            "priority",
            Integer(1, 1000),
            "Which of several matching services is taken: the highest, then the most specific.",
            "priority 100",
            default=50,
        ),
        scalar(
            "protocol",
            Choice(
                ("http", "grpc", "graphql", "streaming"),
                instead={
                    "sse": 'write "streaming"',
                    "websocket": "write: websocket #true",
                    "soap": 'write "http"',
                },
            ),
            "What is spoken. gRPC needs an upstream with TLS. Streaming, which includes server-sent events, waits an "
            "hour for the target unless timeouts say otherwise, and is never kept or compressed.",
            'protocol "streaming"',
            default="http",
        ),
        flag("websocket", "Whether connections may become websockets.", "websocket #true", default=False),
        TIMEOUTS,
        scalar(
            "attempts",
            Integer(1, 10),
            "How many times the proxy looks for a target that takes the request; once when absent.",
            "attempts 2",
        ),
        RATE_LIMIT,
        CACHE,
        _SHADOW,
        INFERENCE,
        header_changes("request-headers", "Changes headers on the way to the target."),
        header_changes("response-headers", "Changes headers on the way to the client."),
        _MIDDLEWARE,
    ),
    example='service "orders" {\n    hosts "api.shop.example.com"\n    path-prefix "/orders"\n    upstream "orders"\n}',
    check=_check,
    one_of=(*DESTINATIONS, "middleware"),
)
