"""The kind `listener`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.network import LISTEN_ADDRESS
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, block, kind, reference, scalar, values
from reconciler.config.values import Choice, Pattern, Reference

_SUITE = Pattern(
    name="cipher suite",
    pattern="[A-Z][A-Z0-9_]{2,63}",
    expected="a cipher suite such as 'TLS_AES_128_GCM_SHA256'",
    hint="write its name as the IANA has it",
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    if data["protocol"] == "https":
        if data.get("certificate"):
            return ()
        problem = Problem(
            "E-KND-003",
            "an https listener lacks its certificate",
            "the name of a certificate",
            'add: certificate "shop"',
        )
        return (Complaint(("protocol",), problem, "https"),)
    hint = 'write protocol "https", or remove this line'
    return tuple(
        Complaint((name,), Problem("E-VAL-009", f"'{name}' is for https", 'protocol "https"', hint))
        for name in ("certificate", "tls")
        if name in data
    )


KIND = kind(
    "listener",
    "An address on which the proxy takes requests. Every service is reachable through every listener.",
    (
        scalar(
            "address",
            LISTEN_ADDRESS,
            "IP address and port. Changing it restarts the proxy.",
            'address "0.0.0.0:8080"',
            required=True,
        ),
        scalar(
            "protocol",
            Choice(
                ("http", "https"),
                instead={
                    "h2": "the proxy opens no socket for h2",
                    "h3": "the proxy opens no socket for h3",
                },
            ),
            "The protocol spoken there. With https clients choose HTTP/2 or HTTP/1.1.",
            'protocol "https"',
            default="http",
        ),
        values(
            "certificate",
            Reference("certificate"),
            "The certificate of an https listener. The proxy serves one on each, and restarts for another or a "
            "renewed one.",
            'certificate "shop"',
        ),
        block(
            "tls",
            "What else people want of TLS. The proxy has settings for it and does not apply them (support.md), so none "
            "is written: it speaks TLS 1.2 and 1.3.",
            (
                scalar(
                    "min-version",
                    Choice(("1.2", "1.3")),
                    "The oldest version that is spoken.",
                    'min-version "1.3"',
                ),
                values(
                    "cipher-suites",
                    _SUITE,
                    "The cipher suites that are offered.",
                    'cipher-suites "TLS_AES_128_GCM_SHA256"',
                ),
                reference(
                    "client-trust-store",
                    "trust-store",
                    "Whose certificates clients have to show.",
                    'client-trust-store "customers"',
                ),
            ),
            example='tls {\n    min-version "1.3"\n}',
        ),
        scalar(
            "request-timeout",
            Duration("1s", "1h"),
            "How long a client may take to send its request. It holds on a listener with a concrete IP address; on "
            "0.0.0.0 the proxy uses 60 s.",
            'request-timeout "60s"',
            default="1m",
        ),
        scalar(
            "keepalive-timeout",
            Duration("1s", "1h"),
            "How long an idle connection is kept. It holds on a listener with a concrete IP address; on 0.0.0.0 the "
            "proxy uses 75 s.",
            'keepalive-timeout "75s"',
            default="75s",
        ),
    ),
    example='listener "public" {\n    address "0.0.0.0:8080"\n}',
    check=_check,
)
