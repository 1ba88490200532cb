"""`agents`. Source: `config/src/kdl/mod.rs`, from `parse_agents` on."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.compile.native.grammar.rows import INEFFECTIVE, block, several, text, whole
from reconciler.compile.native.grammar.upstreams import CIRCUIT_BREAKER
from reconciler.compile.native.shape import Block, Kind, Repeat, Row, Words

EVENTS = (
    "request_headers",
    "request-headers",
    "request_body",
    "request-body",
    "response_headers",
    "response-headers",
    "response_body",
    "response-body",
    "log",
    "request_complete",
    "request-complete",
    "websocket_frame",
    "websocket-frame",
    "web_socket_frame",
    "web-socket-frame",
    "guardrail",
)

_MODES = Words(("buffer", "stream", "hybrid"), refused=True, prefixes=("hybrid:",))
_LAST = Repeat.last
_NOT_USED = "the connection to the agent is made without it"

_TRANSPORT_TLS = tuple(
    Row(name, Kind.free, effect=INEFFECTIVE, note=_NOT_USED)
    for name in ("tls", "tls-insecure", "ca-cert", "client-cert", "client-key")
)


def _transport(name: str, key: str, *, tls: bool) -> Block:
    rows = (text(key), *(_TRANSPORT_TLS if tls else ()))
    return Block(name, rows, properties=(key,), arguments=1)


AGENT = Block(
    "agent",
    (
        block("unix-socket", _transport("unix-socket", "path", tls=False), repeat=_LAST),
        block("grpc", _transport("grpc", "address", tls=True), repeat=_LAST),
        block(
            "http",
            _transport("http", "url", tls=True),
            repeat=_LAST,
            effect=INEFFECTIVE,
            note="the proxy answers: HTTP transport not supported",
        ),
        whole("timeout-ms", "1000", repeat=_LAST),
        whole("chunk-timeout-ms", "5000", repeat=_LAST),
        text(
            "failure-mode",
            "open",
            words=Words(
                ("open", "fail_open", "fail-open", "closed", "fail_closed", "fail-closed"), refused=True
            ),
            repeat=_LAST,
        ),
        several("events", default="request_headers", words=Words(EVENTS, refused=True), repeat=Repeat.all),
        block("circuit-breaker", CIRCUIT_BREAKER, repeat=_LAST),
        whole("max-request-body-bytes", repeat=_LAST),
        whole("max-response-body-bytes", repeat=_LAST),
        text("request-body-mode", "buffer", words=_MODES, repeat=_LAST),
        text("response-body-mode", "buffer", words=_MODES, repeat=_LAST),
        whole("max-concurrent-calls", "100", repeat=_LAST),
        Row(
            "config",
            Kind.free,
            repeat=_LAST,
            effect=INEFFECTIVE,
            note="it never reaches the agent, which has flags, variables or files of its own",
        ),
        Row(
            "protocol-version",
            Kind.free,
            repeat=_LAST,
            effect=INEFFECTIVE,
            note="every agent speaks version 2",
        ),
    ),
    identified=True,
    arguments=1,
    properties=("type",),
    elsewhere=MappingProxyType({"type": 'write it as a property: agent "…" type="…"'}),
)

AGENTS = Block("agents", (block("agent", AGENT, repeat=Repeat.all),))
