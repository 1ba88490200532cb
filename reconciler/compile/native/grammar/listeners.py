"""`listeners` and everything of TLS that belongs to a listener. Source: `config/src/kdl/server.rs`."""

from __future__ import annotations

from reconciler.compile.native.grammar.rows import INEFFECTIVE, INERT, block, several, text, truth, whole
from reconciler.compile.native.shape import Block, Repeat, Words

_NOT_WIRED = "it is parsed and not handed to the part that serves TLS"

PROPAGATION = Block(
    "propagation",
    (
        whole("initial-delay-secs", "10"),
        whole("check-interval-secs", "5"),
        whole("timeout-secs", "120"),
        several("nameservers", repeat=Repeat.all),
    ),
)

DNS_PROVIDER = Block(
    "dns-provider",
    (
        text(
            "type", required=True, words=Words(("hetzner", "cloudflare", "webhook"), refused=True, fold=True)
        ),
        text("credentials-file"),
        text("credentials-env"),
        text("url"),
        text("auth-header"),
        whole("api-timeout-secs", "30"),
        block("propagation", PROPAGATION),
    ),
)

EAB = Block("eab", (text("kid", required=True), text("hmac-key", required=True)))

ACME = Block(
    "acme",
    (
        text("email", required=True),
        several("domains", required=True, repeat=Repeat.all),
        text("server-url", "Let's Encrypt"),
        truth("staging", "#false"),
        block("eab", EAB),
        text("storage", "/var/lib/zentinel/acme"),
        whole("renew-before-days", "30", "u32"),
        text(
            "challenge-type",
            "http-01",
            words=Words(("http-01", "dns-01", "dns01", "dns"), fold=True, falls_to="http-01"),
        ),
        text(
            "key-type",
            "ecdsa-p256",
            words=Words(
                ("ecdsa-p256", "p256", "ecdsa", "ecdsa-p384", "p384"),
                refused=True,
                fold=True,
            ),
        ),
        block("dns-provider", DNS_PROVIDER),
    ),
)

SNI = Block(
    "sni",
    (
        several("hostnames", repeat=Repeat.all),
        several("priority-hostnames", repeat=Repeat.all),
        text("cert-file"),
        text("key-file"),
        block("acme", ACME),
    ),
)

_VERSIONS = Words(("1.2", "tls1.2", "tlsv1.2", "1.3", "tls1.3", "tlsv1.3"), fold=True, falls_to="1.2")

TLS = Block(
    "tls",
    (
        text("cert-file"),
        text("key-file"),
        text("ca-file", effect=INEFFECTIVE, note=_NOT_WIRED),
        truth("client-auth", "#false", effect=INEFFECTIVE, note=_NOT_WIRED),
        text("min-version", "1.2", words=_VERSIONS, effect=INEFFECTIVE, note=_NOT_WIRED),
        text("max-version", words=_VERSIONS, effect=INEFFECTIVE, note=_NOT_WIRED),
        text("cipher-suite", repeat=Repeat.all, effect=INEFFECTIVE, note=_NOT_WIRED),
        truth("ocsp-stapling", "#true", effect=INERT),
        truth("session-resumption", "#true", effect=INERT),
        block(
            "sni",
            SNI,
            repeat=Repeat.all,
            effect=INEFFECTIVE,
            note="a listener serves one certificate: that of cert-file, or of its acme block",
        ),
        block("acme", ACME),
    ),
)

_PROTOCOLS = ("http", "https", "h2", "h3")

_COMMON = (
    text("address", required=True),
    block("tls", TLS),
    text("default-route", effect=INERT),
    whole("request-timeout-secs", "60"),
    whole("keepalive-timeout-secs", "75"),
    whole("max-concurrent-streams", "100", "u32", effect=INERT),
)

LISTENER = Block(
    "listener",
    (
        *_COMMON,
        text("protocol", "http", words=Words(_PROTOCOLS, refused=True, fold=True)),
        text("namespace"),
        whole("keepalive-max-requests", width="u32"),
    ),
    identified=True,
    arguments=1,
)

LISTENERS = Block("listeners", (block("listener", LISTENER, repeat=Repeat.all),))

SERVICE_LISTENER = Block(
    "listener of a service",
    (
        *_COMMON,
        text("id", "service-listener"),
        text("protocol", "http", words=Words((*_PROTOCOLS, "http2", "http3"), refused=True, fold=True)),
        text("namespace"),
        whole("keepalive-max-requests", width="u32"),
    ),
    arguments=1,
)
