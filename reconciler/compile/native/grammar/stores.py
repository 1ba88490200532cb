"""`waf`, `limits`, `rate-limits` and the top-level `cache`. Source: `config/src/kdl/mod.rs`."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.compile.native.grammar.rows import INERT, RELOAD, block, several, text, truth, whole
from reconciler.compile.native.shape import Block, Repeat, Words

_NO_ENGINE = "no engine reads it, and no agent gets it"

_EXCLUSION = Block(
    "exclusion",
    (
        several("rule-ids"),
        text(
            "scope", "global", words=Words(("global",), refused=True, fold=True, prefixes=("path=", "host="))
        ),
    ),
    arguments=100_000,
)

_RULESET = Block(
    "ruleset",
    (
        text("crs-version", "3.3.4"),
        text("custom-rules-dir"),
        whole("paranoia-level", "1", "u8"),
        whole("anomaly-threshold", "5", "u32"),
        block("exclusion", _EXCLUSION, repeat=Repeat.all),
    ),
)

_BODY = Block(
    "body-inspection",
    (
        truth("inspect-request-body", "#true", effect=RELOAD),
        truth("inspect-response-body", "#false", effect=RELOAD),
        whole("max-inspection-bytes", "1048576", effect=RELOAD),
        several("content-types", effect=RELOAD),
        truth("decompress", "#false", effect=RELOAD),
        whole("max-decompression-ratio", "100", effect=RELOAD),
    ),
)

WAF = Block(
    "waf",
    (
        text("engine", "coraza", effect=INERT, note=_NO_ENGINE),
        text(
            "mode",
            "prevention",
            words=Words(
                ("off", "detection", "detect", "prevention", "prevent", "block"), refused=True, fold=True
            ),
            effect=RELOAD,
        ),
        truth("audit-log", "#true", effect=INERT, note=_NO_ENGINE),
        block("ruleset", _RULESET, effect=INERT, note=_NO_ENGINE),
        block("body-inspection", _BODY, effect=RELOAD),
    ),
)

_BYTES = "the name has no -bytes"

LIMITS = Block(
    "limits",
    (
        whole("max-header-size", "8192", effect=RELOAD),
        whole("max-header-count", "100", effect=RELOAD),
        whole("max-body-size", "10485760", effect=RELOAD),
        whole("max-connections-per-client", "100", effect=INERT),
        whole("max-total-connections", "10000", effect=INERT),
        whole("max-in-flight-requests", "10000", effect=INERT),
    ),
    elsewhere=MappingProxyType(
        {
            "max-header-size-bytes": f"write max-header-size: {_BYTES}",
            "max-body-size-bytes": f"write max-body-size: {_BYTES}",
        }
    ),
)

_KEY = Words(
    ("client-ip", "client_ip", "ip", "path", "route", "client-ip-and-path", "client_ip_and_path"),
    refused=True,
    fold=True,
    prefixes=("header:",),
)

_GLOBAL = Block(
    "global",
    (
        whole("max-rps", width="u32", required=True),
        whole("burst", "10", "u32", effect=INERT),
        text("key", "client-ip", words=_KEY, effect=INERT),
    ),
)

RATE_LIMITS = Block(
    "rate-limits",
    (
        whole("default-rps", width="u32", effect=INERT),
        whole("default-burst", width="u32", effect=INERT),
        text("key", "client-ip", words=_KEY, effect=INERT),
        block("global", _GLOBAL, repeat=Repeat.last),
    ),
)

CACHE = Block(
    "cache",
    (
        truth("enabled", "#true"),
        text("backend", "memory", words=Words(("memory", "disk", "hybrid"), refused=True, fold=True)),
        whole("max-size", "104857600"),
        whole("eviction-limit"),
        whole("lock-timeout", "10"),
        text("disk-path"),
        whole("disk-shards", "16", "u32"),
        whole("disk-max-size"),
        truth("status-header", "#false", effect=RELOAD),
        text("status-header-name", "zentinel", effect=RELOAD),
    ),
)
