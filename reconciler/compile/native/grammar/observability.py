"""`observability`. Source: `config/src/kdl/mod.rs`, from `parse_observability_config` on."""

from __future__ import annotations

from reconciler.compile.native.grammar.rows import INEFFECTIVE, INERT, block, decimal, text, truth, whole
from reconciler.compile.native.shape import Block, Repeat, Words

_ACCESS = Block(
    "access-log",
    (
        truth("enabled", "#true"),
        text("file", "/var/log/zentinel/access.log"),
        text("format", "json", words=Words(("json", "combined"), falls_to="a format of its own")),
        whole("buffer-size", "8192"),
    ),
)

_ERROR = Block(
    "error-log",
    (
        truth("enabled", "#true"),
        text("file", "/var/log/zentinel/error.log"),
        text("level", "warn", words=Words(("warn", "error"), falls_to="a level of its own")),
        whole("buffer-size", "8192"),
    ),
)

_AUDIT = Block(
    "audit-log",
    (
        truth("enabled", "#true"),
        text("file", "/var/log/zentinel/audit.log"),
        whole("buffer-size", "8192"),
        truth("log-blocked", "#true"),
        truth("log-agent-decisions", "#true"),
        truth("log-waf-events", "#true"),
    ),
)

_LOGGING = Block(
    "logging",
    (
        text("level", "info"),
        text("format", "json"),
        block("access-log", _ACCESS, repeat=Repeat.last),
        block("error-log", _ERROR, repeat=Repeat.last),
        block("audit-log", _AUDIT, repeat=Repeat.last),
    ),
)

_METRICS = Block(
    "metrics",
    (
        truth("enabled", "#true"),
        text("address", "0.0.0.0:9090"),
        text("path", "/metrics"),
        truth("high-cardinality", "#false", effect=INERT),
    ),
)

TRACING_BACKEND = Block("backend", (text("endpoint", required=True),), identified=True, arguments=1)

_TRACING = Block(
    "tracing",
    (
        block("backend", TRACING_BACKEND, required=True),
        decimal("sampling-rate", "0.01"),
        text("service-name", "zentinel"),
    ),
)

OBSERVABILITY = Block(
    "observability",
    (
        block("logging", _LOGGING, repeat=Repeat.last),
        block("metrics", _METRICS, repeat=Repeat.last),
        block(
            "tracing",
            _TRACING,
            repeat=Repeat.last,
            effect=INEFFECTIVE,
            note="released proxies are built without the feature that it needs",
        ),
    ),
)
