"""`upstreams`. Source: `config/src/kdl/upstreams.rs`, `helpers.rs` and `circuitbreaker_helper.rs`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.grammar.rows import (
    INEFFECTIVE,
    INERT,
    block,
    decimal,
    several,
    text,
    truth,
    whole,
)
from reconciler.compile.native.shape import Block, Effect, Kind, Repeat, Row, Unknown, Words

BALANCING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "round_robin": ("round_robin", "roundrobin"),
        "least_connections": ("least_connections", "leastconnections"),
        "weighted": ("weighted", "weighted_round_robin", "weighted-round-robin"),
        "ip_hash": ("ip_hash", "iphash"),
        "random": ("random",),
        "consistent_hash": ("consistent_hash", "consistenthash"),
        "maglev": ("maglev",),
        "power_of_two_choices": ("power_of_two_choices", "p2c"),
        "adaptive": ("adaptive",),
        "peak_ewma": ("peak_ewma", "peakewma", "ewma"),
        "locality_aware": ("locality_aware", "localityaware", "locality"),
        "deterministic_subset": ("deterministic_subset", "subset", "subsetting"),
        "weighted_least_connections": ("weighted_least_connections", "weighted_least_conn", "wlc"),
        "least_tokens_queued": ("least_tokens_queued", "leasttokensqueued", "least_tokens"),
        "sticky": ("sticky", "sticky_session", "stickysession"),
    }
)
"""Each algorithm and its spellings; all others mean round robin, without a word."""

SPELLINGS: Mapping[str, str] = MappingProxyType(
    {spelling: name for name, spellings in BALANCING.items() for spelling in spellings}
)

INEFFECTIVE_BALANCING: Mapping[str, str] = MappingProxyType(
    {
        "least_connections": "its counters are never incremented, so it takes the first healthy target always",
        "ip_hash": "the client's address never reaches it, so it takes the same target always",
        "consistent_hash": "the request never reaches it, so it takes the same target always",
        "maglev": "the request never reaches it, so it takes the same target always",
        "sticky": "the cookie is set and cannot be read back",
    }
)

CIRCUIT_BREAKER = Block(
    "circuit-breaker",
    tuple(
        whole(name, default, width, positive=True, repeat=Repeat.last)
        for name, default, width in (
            ("failure-threshold", "5", "u32"),
            ("success-threshold", "2", "u32"),
            ("timeout-seconds", "30", "u64"),
            ("half-open-max-requests", "1", "u32"),
        )
    ),
    unknown=Unknown.refused,
    as_written=True,
)

_TARGET = Block(
    "target",
    (text("address", effect=Effect.reload), whole("weight", "1", "u32", effect=Effect.reload)),
    properties=("address", "weight"),
    arguments=1,
)

_TARGETS = Block("targets", (block("target", _TARGET, repeat=Repeat.all),))

STICKY = Block(
    "load-balancing",
    (
        text("cookie-name", "SERVERID", effect=Effect.reload),
        Row("cookie-ttl", Kind.share, "3600", effect=Effect.reload),
        text("cookie-path", "/", effect=Effect.reload),
        truth("cookie-secure", "#true", effect=Effect.reload),
        text(
            "cookie-same-site",
            "lax",
            words=Words(("lax", "strict", "none"), fold=True, falls_to="lax"),
            effect=Effect.reload,
        ),
        text(
            "fallback",
            "round_robin",
            words=Words(tuple(SPELLINGS), fold=True, falls_to="round_robin"),
            effect=Effect.reload,
        ),
    ),
    arguments=1,
)

_READINESS = Block(
    "readiness",
    (
        block(
            "inference-probe",
            Block(
                "inference-probe",
                (
                    text("endpoint", "/v1/completions"),
                    text("model"),
                    text("prompt", "."),
                    whole("max-tokens", "1", "u32"),
                    whole("timeout-secs", "30"),
                    whole("max-latency-ms"),
                ),
            ),
        ),
        block(
            "model-status",
            Block(
                "model-status",
                (
                    text("endpoint-pattern", "/v1/models/{model}/status"),
                    several("models"),
                    text("expected-status", "ready"),
                    text("status-field", "status"),
                    whole("timeout-secs", "5"),
                ),
            ),
        ),
        block(
            "queue-depth",
            Block(
                "queue-depth",
                (
                    text("header"),
                    text("body-field"),
                    text("endpoint"),
                    whole("degraded-threshold", "50"),
                    whole("unhealthy-threshold", "200"),
                    whole("timeout-secs", "5"),
                ),
            ),
        ),
        block(
            "warmth-detection",
            Block(
                "warmth-detection",
                (
                    whole("sample-size", "10", "u32"),
                    decimal("cold-threshold-multiplier", "3.0"),
                    whole("idle-cold-timeout-secs", "300"),
                    text(
                        "cold-action",
                        "log-only",
                        words=Words(
                            (
                                "log-only",
                                "log_only",
                                "mark-degraded",
                                "mark_degraded",
                                "mark-unhealthy",
                                "mark_unhealthy",
                            ),
                            falls_to="log-only",
                        ),
                    ),
                ),
            ),
        ),
    ),
)

_IN_TYPE = 'it belongs into the block of type: type "http" { … }'

CHECK_TYPES: Mapping[str, Block] = MappingProxyType(
    {
        "tcp": Block("health check of type tcp", arguments=1),
        "http": Block(
            "health check of type http",
            (text("path", "/health"), text("expected-status", "200"), text("host")),
            arguments=1,
        ),
        "grpc": Block("health check of type grpc", (text("service", "grpc.health.v1.Health"),), arguments=1),
        "inference": Block(
            "health check of type inference",
            (
                text("endpoint", "/v1/models"),
                several("expected-models"),
                block("readiness", _READINESS),
            ),
            arguments=1,
        ),
    }
)

HEALTH_CHECK = Block(
    "health-check",
    (
        Row("type", Kind.free, "tcp"),
        whole("interval-secs", "10"),
        whole("timeout-secs", "5"),
        whole("healthy-threshold", "2", "u32"),
        whole("unhealthy-threshold", "3", "u32"),
    ),
    elsewhere=MappingProxyType(
        dict.fromkeys(("path", "expected-status", "host", "service", "endpoint", "expected-models"), _IN_TYPE)
    ),
)

UPSTREAM = Block(
    "upstream",
    (
        block("target", _TARGET, repeat=Repeat.all, effect=Effect.reload),
        block("targets", _TARGETS, repeat=Repeat.all, effect=Effect.reload),
        text("address", effect=Effect.reload),
        Row("load-balancing", Kind.free, "round_robin", effect=Effect.reload),
        block(
            "health-check",
            HEALTH_CHECK,
            effect=INEFFECTIVE,
            note="probes run, and their result reaches no choice of a target; the circuit breaker decides",
        ),
        block(
            "connection-pool",
            Block(
                "connection-pool",
                (
                    whole("max-connections", "100", effect=INERT),
                    whole("max-idle", "20", effect=INERT),
                    whole("idle-timeout", "60", effect=Effect.reload),
                    whole("max-lifetime", effect=INERT),
                ),
            ),
        ),
        block(
            "timeouts",
            Block(
                "timeouts",
                (
                    whole("connect", "10", effect=Effect.reload),
                    whole("request", "60", effect=INERT),
                    whole("read", "30", effect=Effect.reload),
                    whole("write", "30", effect=Effect.reload),
                ),
            ),
        ),
        block(
            "tls",
            Block(
                "tls of an upstream",
                (
                    text("sni", effect=Effect.reload),
                    truth("insecure-skip-verify", "#false", effect=Effect.reload),
                    text("client-cert", effect=Effect.reload),
                    text("client-key", effect=Effect.reload),
                    text("ca-cert", effect=INEFFECTIVE, note="the system's trust store is used instead"),
                ),
            ),
        ),
        block(
            "http-version",
            Block(
                "http-version",
                (
                    whole("min-version", "1", "u8", effect=Effect.reload),
                    whole("max-version", "2", "u8", effect=Effect.reload),
                    whole("h2-ping-interval", "0", effect=Effect.reload),
                    whole("max-h2-streams", "100", effect=Effect.reload),
                ),
            ),
        ),
        block("circuit-breaker", CIRCUIT_BREAKER, effect=Effect.reload),
    ),
    identified=True,
    arguments=1,
    properties=("address",),
)

UPSTREAMS = Block("upstreams", (block("upstream", UPSTREAM, repeat=Repeat.all),))
