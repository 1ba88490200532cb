"""`filters`: one block for each type. Source: `config/src/kdl/filters.rs`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.grammar.routes import HEADER_ROWS
from reconciler.compile.native.grammar.rows import INERT, RELOAD, block, text, truth, whole
from reconciler.compile.native.shape import Block, Effect, Repeat, Row, Words

_PHASE = ("request", "response", "both")
_LOCAL = "every request is counted by the proxy itself"

_BACKENDS = (
    text("redis-url", "redis://127.0.0.1:6379"),
    text("redis-prefix", "zentinel:ratelimit:"),
    whole("redis-pool-size", "10", "u32"),
    whole("redis-timeout-ms", "50"),
    truth("redis-fallback", "#true"),
    text("memcached-url", "memcache://127.0.0.1:11211"),
    text("memcached-prefix", "zentinel:ratelimit:"),
    whole("memcached-pool-size", "10", "u32"),
    whole("memcached-timeout-ms", "50"),
    truth("memcached-fallback", "#true"),
    whole("memcached-ttl", "2", "u32"),
)

RATE_LIMIT: tuple[Row, ...] = (
    whole("max-rps", "100", "u32"),
    whole("burst", "10", "u32", effect=INERT),
    text(
        "key",
        "client-ip",
        words=Words(
            ("client-ip", "path", "route", "client-ip-and-path"), prefixes=("header:",), falls_to="client-ip"
        ),
    ),
    text("on-limit", "reject", words=Words(("reject", "delay", "log-only"), falls_to="reject")),
    whole("status-code", "429", "u16"),
    text("message"),
    whole("max-delay-ms", "5000"),
    whole("max-keys", "100000"),
    text("backend", "local", words=Words(("local", "redis", "memcached", "memcache"), refused=True)),
    *(Row(r.name, r.kind, r.default, width=r.width, effect=INERT, note=_LOCAL) for r in _BACKENDS),
)

HEADERS: tuple[Row, ...] = (
    text("phase", "request", words=Words(_PHASE, falls_to="request"), effect=RELOAD),
    *HEADER_ROWS,
)

COMPRESS: tuple[Row, ...] = (
    text("algorithms", "gzip,br", effect=INERT, note="the proxy compresses as it likes, at level 6"),
    whole("min-size", "1024", effect=RELOAD),
    whole("level", "6", "u8", effect=INERT, note="it is 6 always"),
)

TIMEOUT: tuple[Row, ...] = (
    whole("connect-timeout-secs", effect=RELOAD),
    whole("upstream-timeout-secs", effect=RELOAD),
    whole("request-timeout-secs", effect=INERT),
)

LOG: tuple[Row, ...] = (
    truth("log-request", "#true", effect=RELOAD),
    truth("log-response", "#true", effect=RELOAD),
    truth("log-body", "#false", effect=RELOAD),
    whole("max-body-log-size", "4096", effect=RELOAD),
    text("level", "info", effect=RELOAD),
)

GEO: tuple[Row, ...] = (
    text("database-path", required=True),
    text(
        "database-type", words=Words(("maxmind", "ip2location"), falls_to="the type the file's name ends in")
    ),
    text("action", "block", words=Words(("block", "allow", "log-only"), falls_to="block")),
    text("countries", note="one string of codes with commas"),
    text("on-failure", "open", words=Words(("open", "closed"), falls_to="open")),
    whole("status-code", "403", "u16"),
    text("block-message"),
    whole("cache-ttl-secs", "3600"),
    truth("add-country-header", "#true"),
)

AGENT: tuple[Row, ...] = (
    text("agent", required=True, effect=RELOAD),
    text("failure-mode", "closed", words=Words(("open", "closed"), falls_to="closed"), effect=RELOAD),
    text("phase", words=Words(_PHASE, falls_to="nothing"), effect=INERT),
    whole("timeout-ms", effect=INERT, note="the agent's own timeout-ms counts"),
    truth("inspect-body", "#false", effect=INERT),
    whole("max-body-bytes", effect=INERT),
)

_REPLACE: tuple[Row, ...] = (
    text("hostname", effect=RELOAD),
    text("replace-full-path", effect=RELOAD),
    text("replace-prefix-match", effect=RELOAD),
)

REDIRECT: tuple[Row, ...] = (
    whole("status-code", "302", "u16", effect=RELOAD),
    text("scheme", effect=RELOAD),
    whole("port", width="u16", effect=RELOAD),
    *_REPLACE,
)

_ROWS: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
        "rate-limit": RATE_LIMIT,
        "headers": HEADERS,
        "cors": (),
        "compress": COMPRESS,
        "timeout": TIMEOUT,
        "log": LOG,
        "geo": GEO,
        "agent": AGENT,
        "redirect": REDIRECT,
        "url-rewrite": _REPLACE,
    }
)

_NO_OPTIONS = "every filter of type cors allows all origins and has no options in KDL"


def _filter(kind: str, rows: tuple[Row, ...]) -> Block:
    elsewhere: Mapping[str, str] = {}
    if kind == "cors":
        known = ("allowed-origins", "allowed-methods", "allowed-headers", "exposed-headers")
        elsewhere = dict.fromkeys((*known, "allow-credentials", "max-age", "max-age-secs"), _NO_OPTIONS)
    return Block(
        f"filter of type {kind}",
        (text("type", required=True, effect=Effect.restart), *rows),
        identified=True,
        arguments=1,
        elsewhere=MappingProxyType(elsewhere),
    )


FILTER_TYPES: Mapping[str, Block] = MappingProxyType(
    {kind: _filter(kind, rows) for kind, rows in _ROWS.items()}
)
"""The block of each type; the strings are compared as they are, case and all."""

INEFFECTIVE_TYPES: Mapping[str, str] = MappingProxyType(
    {"geo": "the client's address is empty when it is asked, so on-failure decides always"}
)

UNTYPED = Block(
    "filter",
    (text("type", required=True, words=Words(tuple(_ROWS), refused=True)),),
    identified=True,
    arguments=1,
)
"""What is checked of a filter whose type nobody knows."""

FILTERS = Block("filters", (block("filter", UNTYPED, repeat=Repeat.all),))
