"""The kind `upstream`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.durations import Duration, milliseconds
from reconciler.config.network import HOST, PATH, TARGET
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, flag, kind, reference, scalar
from reconciler.config.values import Choice, Integer

_INEFFECTIVE = "the proxy takes the name and does not honour it up to 0.6.20"
WEIGHTED = ("weighted", "weighted-least-connections")

BALANCING = Choice(
    ("round-robin", "random", "weighted", "power-of-two-choices", "peak-ewma", "weighted-least-connections"),
    instead={
        "least-connections": f'{_INEFFECTIVE}: write "power-of-two-choices"',
        "ip-hash": f'{_INEFFECTIVE}: write "round-robin"',
        "consistent-hash": f'{_INEFFECTIVE}: write "round-robin"',
        "maglev": f'{_INEFFECTIVE}: write "round-robin"',
        "sticky": f"{_INEFFECTIVE}: keep sessions in the application",
        "p2c": 'write "power-of-two-choices"',
    },
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    if data["load-balancing"] not in WEIGHTED:
        weighted = [t["address"] for t in data.get("target", ()) if t.get("weight", 1) != 1]
        for address in weighted:
            problem = Problem(
                "E-VAL-009",
                f'the weight of a target means nothing with load-balancing "{data["load-balancing"]}"',
                'load-balancing "weighted"',
                "set the load balancing, or remove the weight",
            )
            found.append(Complaint(("target",), problem, address))
    if data.get("tls", {}).get("sni", "").startswith("*."):
        problem = Problem(
            "E-VAL-009", "a wildcard cannot be asked for", "one host name", "name the host of the certificate"
        )
        found.append(Complaint(("tls", "sni"), problem, data["tls"]["sni"]))
    check = data.get("health-check")
    if check is None:
        return tuple(found)
    if check["type"] != "http":
        for name in ("path", "expected-status", "host"):
            if name in check:
                problem = Problem(
                    "E-VAL-009",
                    f"'{name}' is for HTTP checks",
                    'type "http"',
                    "set the type, or remove this line",
                )
                found.append(Complaint(("health-check", name), problem))
    if milliseconds(check["timeout"]) > milliseconds(check["interval"]):
        problem = Problem(
            "E-VAL-009",
            f"the check's timeout {check['timeout']} is longer than its interval {check['interval']}",
            "a timeout within the interval",
            "shorten the timeout, or lengthen the interval",
        )
        found.append(Complaint(("health-check", "timeout"), problem))
    return tuple(found)


_THRESHOLD = Integer(1, 1000)

KIND = kind(
    "upstream",
    "Servers that do the same work, and how requests are spread over them.",
    (
        Field(
            "target",
            "One server. A host name is resolved for every request, and its first address is taken.",
            'target "10.0.1.10:8080" weight=3',
            arguments=(Slot("address", TARGET, "host and port"),),
            properties=(
                Slot(
                    "weight",
                    Integer(1, 1000),
                    "its share, for the weighted ways of load balancing",
                    default=1,
                ),
            ),
            repeatable=True,
            required=True,
        ),
        scalar(
            "load-balancing",
            BALANCING,
            "How a target is chosen. Only ways that the proxy honours can be chosen.",
            'load-balancing "power-of-two-choices"',
            default="round-robin",
        ),
        block(
            "health-check",
            "Probes the targets in the background.",
            (
                scalar("type", Choice(("http", "tcp")), "What a probe is.", 'type "http"', default="http"),
                scalar(
                    "path", PATH, "The path an HTTP probe asks for; '/health' when absent.", 'path "/healthz"'
                ),
                scalar(
                    "expected-status",
                    Integer(100, 599),
                    "The status an HTTP probe wants; 200 when absent.",
                    "expected-status 200",
                ),
                scalar("host", HOST, "The Host header of an HTTP probe.", 'host "orders.internal"'),
                scalar(
                    "interval", Duration("1s", "1h"), "Time between probes.", 'interval "10s"', default="10s"
                ),
                scalar(
                    "timeout",
                    Duration("1s", "5m"),
                    "How long a probe may take.",
                    'timeout "5s"',
                    default="5s",
                ),
                scalar(
                    "healthy-threshold",
                    _THRESHOLD,
                    "Probes in a row that have to pass.",
                    "healthy-threshold 2",
                    default=2,
                ),
                scalar(
                    "unhealthy-threshold",
                    _THRESHOLD,
                    "Probes in a row that have to fail.",
                    "unhealthy-threshold 3",
                    default=3,
                ),
            ),
            example='health-check {\n    path "/healthz"\n    interval "10s"\n}',
            note="Up to 0.6.20 the proxy runs the probes and does not use their result when it chooses a target; its "
            "circuit breaker does that work. Changing a check restarts the proxy.",
        ),
        block(
            "circuit-breaker",
            "Leaves a target out for a while after failures. The proxy always has one for each target, with these "
            "defaults.",
            (
                scalar(
                    "failure-threshold",
                    _THRESHOLD,
                    "Failures until it opens.",
                    "failure-threshold 5",
                    default=5,
                ),
                scalar(
                    "success-threshold",
                    _THRESHOLD,
                    "Successes until it closes.",
                    "success-threshold 2",
                    default=2,
                ),
                scalar(
                    "timeout", Duration("1s", "1h"), "How long it stays open.", 'timeout "30s"', default="30s"
                ),
                scalar(
                    "half-open-requests",
                    _THRESHOLD,
                    "Requests let through to see whether the target is back.",
                    "half-open-requests 1",
                    default=1,
                ),
            ),
            example='circuit-breaker {\n    failure-threshold 5\n    timeout "30s"\n}',
        ),
        block(
            "timeouts",
            "How long the proxy waits for a target.",
            (
                scalar("connect", Duration("1s", "10m"), "For a connection.", 'connect "2s"', default="10s"),
                scalar("read", Duration("1s", "1h"), "For each read.", 'read "15s"', default="30s"),
                scalar("write", Duration("1s", "1h"), "For each write.", 'write "15s"', default="30s"),
            ),
            example='timeouts {\n    connect "2s"\n    read "15s"\n}',
        ),
        block(
            "tls",
            "Speaks TLS to the targets, and HTTP/2 where they do.",
            (
                scalar(
                    "sni",
                    HOST,
                    "The host name that is asked for and that the targets' certificates have to be for.",
                    'sni "orders.internal.example"',
                    required=True,
                ),
                flag(
                    "insecure-skip-verify",
                    "Takes any certificate, from whomever it is.",
                    "insecure-skip-verify #true",
                    default=False,
                ),
                reference(
                    "client-certificate",
                    "certificate",
                    "The certificate that the proxy shows to the targets, with its key.",
                    'client-certificate "edge"',
                ),
                reference(
                    "trust-store",
                    "trust-store",
                    "Whose certificates are trusted. The proxy does not apply it up to 0.6.20, so it is not "
                    "written: the node's own trust store counts. Bundles carry it, as trust/NAME.pem.",
                    'trust-store "internal"',
                ),
            ),
            example='tls {\n    sni "orders.internal.example"\n}',
        ),
    ),
    example='upstream "orders" {\n    target "10.0.1.10:8080"\n    target "10.0.1.11:8080"\n}',
    check=_check,
)
