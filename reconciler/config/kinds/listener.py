"""The kind `listener`."""

from __future__ import annotations

from reconciler.config.durations import Duration
from reconciler.config.network import LISTEN_ADDRESS
from reconciler.config.schema import kind, scalar
from reconciler.config.values import Choice

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
                ("http",),
                instead={
                    "https": "private keys do not reach the nodes yet: end TLS in front of the proxy",
                    "h2": "the proxy opens no socket for h2",
                    "h3": "the proxy opens no socket for h3",
                },
            ),
            "The protocol spoken there.",
            'protocol "http"',
            default="http",
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
)
