"""Makes the config repository that benchmarks compile: services in files of ten, three environments."""

from __future__ import annotations

PER_FILE = 10
OVERRIDDEN_EVERY = 10
"""One service in ten has an override for production."""

ENVIRONMENTS = """project "bench" {
    title "Bench"
}
environment "dev" {
    proxy-version "0.6.20"
}
environment "staging" {
    proxy-version "0.6.20"
    after "dev"
}
environment "production" {
    proxy-version "0.6.20"
    after "staging"
}
listener "public" {
    address "0.0.0.0:8080"
}
"""


def corpus(services: int) -> dict[str, bytes]:
    """The files of a repository with that many services, each with an upstream of its own, by path."""
    files = {"environments.kdl": ENVIRONMENTS.encode()}
    for first in range(0, services, PER_FILE):
        blocks = [_service(number) for number in range(first, min(first + PER_FILE, services))]
        files[f"services/team-{first // PER_FILE:04d}.kdl"] = "\n".join(blocks).encode()
    return files


def _service(number: int) -> str:
    name = f"service-{number:05d}"
    override = (
        f'    for "production" {{\n        timeouts {{\n            response "{5 + number % 20}s"\n        }}\n    }}\n'
        if number % OVERRIDDEN_EVERY == 0
        else ""
    )
    return f"""// The {number}th service, with what a team usually writes down about it.
service "{name}" {{
    hosts "{name}.example.com" "www.{name}.example.com"
    path-prefix "/api/{number % 7}"
    methods "GET" "POST"
    upstream "{name}"
    priority {50 + number % 40}
    attempts 2
    timeouts {{
        connect "2s"
        response "15s"
    }}
    request-headers {{
        set "X-Service" "{name}"
        remove "X-Internal-Debug"
    }}
{override}}}
upstream "{name}" {{
    target "10.{number // 250 % 250}.{number % 250}.10:8080" weight=3
    target "10.{number // 250 % 250}.{number % 250}.11:8080" weight=1
    load-balancing "weighted"
    health-check {{
        type "http"
        path "/healthz"
    }}
}}
"""
