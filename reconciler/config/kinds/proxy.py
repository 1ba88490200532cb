"""The kind `proxy`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, kind, values
from reconciler.config.values import Pattern

WARNING = Pattern(
    name="warning of the native check",
    pattern=r"W-NAT-[0-9]{3}",
    expected="the code of a warning, such as 'W-NAT-006'",
    hint="docs/errors/native.md lists them",
)


def _native(name: str, doc: str, example: str) -> Field:
    return Field(name, doc, example, repeatable=True, verbatim=True)


BLOCKS: Mapping[str, Field] = {
    field.name: field
    for field in (
        _native(
            "system",
            "Settings of the process, in place of those that the compiler writes. auto-reload stays off.",
            "system {\n    worker-threads 4\n}",
        ),
        _native(
            "listeners",
            "Addresses on which the proxy takes requests, beside those of listener resources.",
            'listeners {\n    listener "secure" {\n        address "0.0.0.0:8443"\n        protocol "https"\n'
            '        tls {\n            cert-file "/etc/zentinel/certs/shop.pem"\n'
            '            key-file "/etc/zentinel/certs/shop.key"\n        }\n    }\n}',
        ),
        _native(
            "routes",
            "Routes, beside those of services. A route may name upstreams of this or another proxy resource, and "
            "upstream resources. Filters and agents have to be native too.",
            'routes {\n    route "upload" {\n        matches {\n            path-prefix "/upload"\n        }\n'
            '        upstream "orders"\n    }\n}',
        ),
        _native(
            "upstreams",
            "Upstreams. Services may name them, except in a split.",
            'upstreams {\n    upstream "pooled" {\n        target "10.0.1.10:8080"\n'
            "        connection-pool {\n            idle-timeout 20\n        }\n    }\n}",
        ),
        _native(
            "filters",
            "Filters. Native routes name them, and services through a middleware of type native.",
            'filters {\n    filter "access-log" {\n        type "log"\n    }\n}',
        ),
        _native(
            "agents",
            "Agents, for filters of this or another proxy resource.",
            'agents {\n    agent "login" type="auth" {\n        unix-socket "/run/zentinel/login.sock"\n    }\n}',
        ),
        _native(
            "waf",
            "Body inspection, when no policy or middleware of the environment asks for it.",
            'waf {\n    mode "off"\n    body-inspection {\n        max-inspection-bytes 65536\n    }\n}',
        ),
        _native(
            "limits",
            "Limits of all requests, when no body-limit middleware applies.",
            "limits {\n    max-header-count 60\n}",
        ),
        _native(
            "cache",
            "The cache itself, in place of the one that the compiler writes when a service keeps answers.",
            "cache {\n    max-size 52428800\n}",
        ),
        _native(
            "rate-limits",
            "The limit of all requests together.",
            "rate-limits {\n    global {\n        max-rps 5000\n    }\n}",
        ),
        _native(
            "observability",
            "Logs and traces. The metrics are the control plane's own.",
            'observability {\n    logging {\n        access-log {\n            file "/var/log/zentinel/access.log"\n'
            "        }\n    }\n}",
        ),
        _native(
            "namespace",
            "A namespace with its routes, for a listener that names it.",
            'namespace "ops" {\n    routes {\n        route "ops-health" {\n            matches {\n'
            '                path "/health"\n            }\n            builtin-handler "health"\n        }\n    }\n}',
        ),
    )
}
"""The top-level blocks of the proxy's language that may be given. Their inside is the compiler's to check."""


def _names(item: Mapping[str, Any]) -> Iterator[str]:
    yield from item.get("properties", ())
    for child in item.get("children", ()):
        yield child["name"]
        yield from _names(child)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    present = [name for name in BLOCKS if name in data]
    if present:
        return tuple(
            Complaint(
                (name,),
                Problem(
                    "E-VAL-021",
                    "a secret is named where a node or a property has its name",
                    "a secret as a value",
                    "write the name out",
                ),
            )
            for name in present
            if any("${" in text for item in data[name] for text in _names(item))
        )
    problem = Problem(
        "E-KND-008",
        "the proxy resource holds nothing of the proxy's language",
        "a block such as routes { }",
        "add a block, or remove the resource",
    )
    return (Complaint((), problem),)


KIND = kind(
    "proxy",
    "Parts of the proxy's own configuration, for what the language cannot say. Its blocks are written here as they "
    "would stand in the proxy's file, and are held against the proxy's whole grammar with the rest of the "
    "environment: what the proxy would refuse is an error, and what it would accept and ignore is one too. The parts "
    "are merged with what the compiler writes for the other resources.",
    (
        values(
            "accept",
            WARNING,
            "Warnings of the native check that stay warnings here: what does nothing is known to do nothing.",
            'accept "W-NAT-006"',
        ),
        *BLOCKS.values(),
    ),
    example='proxy "uploads" {\n    routes {\n        route "upload" {\n            matches {\n'
    '                path-prefix "/upload"\n            }\n            upstream "pooled"\n        }\n    }\n'
    '    upstreams {\n        upstream "pooled" {\n            target "10.0.1.10:8080"\n'
    "            connection-pool {\n                idle-timeout 20\n            }\n        }\n    }\n}",
    check=_check,
    instead={
        "include": "put the file's blocks into a proxy resource of its own: any number of them are merged",
        "schema-version": "remove it: the compiler writes the version",
        "version": "remove it: the compiler writes the schema version",
        "server": "write system",
    },
)
