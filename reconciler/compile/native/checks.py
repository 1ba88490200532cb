"""Checks of single blocks that the table cannot express. Each is named after the block it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.filter_checks import FILTER_CHECKS
from reconciler.compile.native.match_checks import MATCH_CHECKS
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.route_checks import ROUTE_CHECKS
from reconciler.compile.native.upstream_checks import UPSTREAM_CHECKS
from reconciler.compile.native.walking import Check, Walk
from reconciler.config.characters import shown
from reconciler.config.network import split_address

_HYBRID = re.compile(r"hybrid:\+?[0-9]{1,20}")
_SCHEMA = re.compile(r"\+?([0-9]{1,9})\.\+?([0-9]{1,9})")


def check_document(walk: Walk, node: Node) -> None:
    """`schema-version`: absent, or "1.0"; higher ones load with a warning, all others are refused."""
    given = [child for child in node.nodes if child.name in ("schema-version", "version")]
    if not given or given[-1].string is None:
        return
    last = given[-1]
    version = _SCHEMA.fullmatch(last.string or "")
    number = (int(version[1]), int(version[2])) if version else (0, 0)
    first = last.first
    at = first.value_at if first else last.at
    if number < (1, 0):
        walk.report.add(
            "E-NAT-015",
            last,
            f"the schema version is {shown(last.string or '')}",
            at=at,
            expected='"1.0"',
            hint='write schema-version "1.0"',
        )
    elif number > (1, 0):
        walk.report.add(
            "W-NAT-017",
            last,
            f"the schema version {shown(last.string or '')} is newer than the proxy's",
            at=at,
            expected='"1.0"',
            hint='write schema-version "1.0"',
        )


def check_system(walk: Walk, node: Node) -> None:
    """`route-cache-size` is no switch."""
    size = node.child("route-cache-size")
    if size is not None and size.integer == 0 and size.first is not None:
        walk.report.add(
            "E-NAT-008",
            size,
            "'route-cache-size' is 0",
            at=size.first.value_at,
            expected="a number greater than 0",
            hint="remove the line: the cache cannot be switched off",
        )


def check_listener(walk: Walk, node: Node) -> None:
    """What a listener needs to be served at all."""
    protocol = (node.string_of("protocol") or "http").lower()
    place = node.child("protocol") or node
    if protocol == "https" and node.child("tls") is None:
        walk.report.add(
            "W-NAT-010",
            place,
            "an https listener without a tls block serves nothing",
            hint="add a tls block with cert-file and key-file",
        )
    if protocol in ("h2", "h3", "http2", "http3"):
        walk.report.add(
            "W-NAT-010",
            place,
            f"the proxy opens no socket for the protocol {protocol}",
            expected="http or https",
            hint="write https: it offers HTTP/2 by itself",
        )
    if protocol == "http" and node.child("tls") is not None:
        walk.report.add(
            "W-NAT-010",
            node.child("tls") or node,
            "the tls block of an http listener is not used",
            hint='add protocol "https"',
        )
    _check_address(walk, node)


def _check_address(walk: Walk, node: Node) -> None:
    child = node.child("address")
    if child is None or child.string is None or child.first is None:
        return
    try:
        address, _ = split_address(child.string)
    except ValueError:
        walk.report.add(
            "W-NAT-019",
            child,
            f"{shown(child.string)} is not an IP address with a port; the proxy will fail to bind it",
            at=child.first.value_at,
            expected="IP:port",
            hint="write 0.0.0.0:8080 for every address of the machine",
        )
        return
    if address.is_unspecified and node.child("namespace") is not None:
        walk.report.add(
            "W-NAT-016",
            child,
            "a namespace is found by the listener's exact address; on this one the global routes answer",
            at=child.first.value_at,
            expected="a concrete IP address",
            hint="write the address of one interface, such as 127.0.0.1",
        )


def _needs_files(walk: Walk, node: Node, owner: str) -> None:
    walk.report.add(
        "E-NAT-006",
        node,
        f"'{owner}' has neither both cert-file and key-file nor an acme block",
        expected="cert-file and key-file, or acme",
        hint='add cert-file "…" and key-file "…"',
    )


def _has_files(node: Node) -> bool:
    return node.string_of("cert-file") is not None and node.string_of("key-file") is not None


def check_tls(walk: Walk, node: Node) -> None:
    """A certificate from files or from ACME."""
    if node.child("acme") is None and not _has_files(node):
        _needs_files(walk, node, "tls")


def check_sni(walk: Walk, node: Node) -> None:
    """A certificate from files or from ACME, not both; one kind of host names."""
    explicit = [item for child in node.all("hostnames") for item in child.strings()]
    priority = [item for child in node.all("priority-hostnames") for item in child.strings()]
    if explicit and priority:
        walk.report.add(
            "E-NAT-012",
            node.child("priority-hostnames") or node,
            "an sni block has both hostnames and priority-hostnames",
            expected="one of the two",
            hint="remove one of the two",
        )
    acme = node.child("acme")
    if acme is None:
        if not _has_files(node):
            _needs_files(walk, node, "sni")
    elif node.string_of("cert-file") is not None or node.string_of("key-file") is not None:
        walk.report.add(
            "E-NAT-012",
            acme,
            "an sni block has both files and an acme block",
            expected="one of the two",
            hint="remove one of the two",
        )


def check_acme(walk: Walk, node: Node) -> None:
    """Wildcards need dns-01, and dns-01 a provider."""
    dns = (node.string_of("challenge-type") or "").lower() in ("dns-01", "dns01", "dns")
    if dns and node.child("dns-provider") is None:
        walk.report.add(
            "E-NAT-017",
            node.child("challenge-type") or node,
            "the challenge dns-01 has no dns-provider",
            expected="a dns-provider block",
            hint="add dns-provider { … }",
        )
    for child in node.all("domains"):
        for domain, at in child.strings():
            if domain.startswith("*.") and not dns:
                walk.report.add(
                    "E-NAT-017",
                    child,
                    f"the wildcard {shown(domain)} cannot be proved by http-01",
                    at=at,
                    expected='challenge-type "dns-01"',
                    hint='add challenge-type "dns-01" and a dns-provider',
                )


def check_dns_provider(walk: Walk, node: Node) -> None:
    """Credentials, and what a webhook needs."""
    if node.string_of("credentials-file") is None and node.string_of("credentials-env") is None:
        walk.report.add(
            "E-NAT-006",
            node,
            "'dns-provider' has neither credentials-file nor credentials-env",
            expected="one of the two",
            hint='add credentials-env "…"',
        )
    if (node.string_of("type") or "").lower() == "webhook" and node.string_of("url") is None:
        walk.report.add(
            "E-NAT-006", node, "'dns-provider' of type webhook has no url", expected="url", hint='add url "…"'
        )


def check_agent(walk: Walk, node: Node) -> None:
    """A transport, and thresholds that are numbers."""
    transports = [child for child in node.nodes if child.name in ("unix-socket", "grpc", "http")]
    if not transports:
        walk.report.add(
            "E-NAT-006",
            node,
            "the agent has no transport",
            expected="unix-socket, grpc or http",
            hint='add unix-socket "/run/zentinel/….sock"',
        )
    for key, owner in (("path", "unix-socket"), ("address", "grpc"), ("url", "http")):
        for child in node.all(owner):
            if child.string_of(key) is None and child.string is None:
                walk.report.add(
                    "E-NAT-006",
                    child,
                    f"'{owner}' has no {key}",
                    expected="a string",
                    hint=f'write {owner} "…"',
                )
    for child in transports[:-1]:
        walk.report.add(
            "W-NAT-005",
            child,
            "the agent has several transports; the last one counts, and this one does not",
            hint="remove one of them",
        )
    for mode in (*node.all("request-body-mode"), *node.all("response-body-mode")):
        value = mode.string or ""
        if value.startswith("hybrid:") and not _fits_usize(value) and mode.first is not None:
            walk.report.add(
                "E-NAT-007",
                mode,
                f"'{mode.name}' is {shown(value)}, whose threshold is no number",
                at=mode.first.value_at,
                expected="hybrid:<bytes>",
                hint='write "hybrid:65536"',
            )


def _fits_usize(mode: str) -> bool:
    return _HYBRID.fullmatch(mode) is not None and int(mode.removeprefix("hybrid:")) < 2**64


def check_ruleset(walk: Walk, node: Node) -> None:
    """Paranoia levels are 1 to 4; the number wraps at 256 before it is compared."""
    level = node.integer_of("paranoia-level")
    child = node.child("paranoia-level")
    if level is not None and child is not None and child.first is not None and not 1 <= level % 256 <= 4:
        walk.report.add(
            "E-NAT-008",
            child,
            f"'paranoia-level' is {level}",
            at=child.first.value_at,
            expected="1 to 4",
            hint="write a number from 1 to 4",
        )


def check_exclusion(walk: Walk, node: Node) -> None:
    """At least one rule, each a string."""
    child = node.child("rule-ids")
    arguments = [entry for entry in node.entries if entry.key is None and isinstance(entry.value, str)]
    if not arguments and (child is None or not child.strings()):
        walk.report.add(
            "E-NAT-006",
            child or node,
            "an exclusion names no rule",
            expected="at least one rule id, as a string",
            hint='write rule-ids "920350"',
        )


def check_cache(walk: Walk, node: Node) -> None:
    """The backends that need a disk."""
    backend = node.child("backend")
    if backend is None or (backend.string or "").lower() not in ("disk", "hybrid"):
        return
    if node.string_of("disk-path") is None:
        walk.report.add(
            "E-NAT-006",
            backend,
            f"the backend {backend.string} has no disk-path",
            expected="disk-path",
            hint='add disk-path "/var/cache/zentinel"',
        )


def check_backend(walk: Walk, node: Node) -> None:
    """The backends of tracing; case does not matter."""
    known = ("otlp", "jaeger", "zipkin")
    if node.string is not None and node.string.lower() not in known and node.first is not None:
        walk.report.add(
            "E-NAT-007",
            node,
            f"'backend' is {shown(node.string)}, which the proxy refuses",
            at=node.first.value_at,
            expected="one of " + ", ".join(known),
            hint=walk.report.meant(node.string, known, "write otlp"),
        )


def check_logging(walk: Walk, node: Node) -> None:
    """The real knob is an environment variable."""
    for name, default in (("level", "info"), ("format", "json")):
        child = node.child(name)
        if child is not None and child.string is not None and child.string != default:
            walk.report.add(
                "W-NAT-006",
                child,
                f"'{name}' of the logging is read and never used",
                hint="set the variable RUST_LOG of the proxy's process instead",
            )


def check_namespace(walk: Walk, node: Node) -> None:
    """A block is needed, even an empty one; a colon separates qualified names."""
    if node.children is None:
        walk.report.add("E-NAT-006", node, f"'{node.name}' has no block", expected="a block", hint="add { }")
    if node.string is not None and ":" in node.string and node.first is not None:
        walk.report.add(
            "E-NAT-018",
            node,
            f"the name {shown(node.string)} holds a colon",
            at=node.first.value_at,
            expected="a name without ':'",
            hint="replace the colon, which separates namespace, service and name",
        )


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "document": check_document,
        "system": check_system,
        "listener": check_listener,
        "listener of a service": check_listener,
        "tls": check_tls,
        "sni": check_sni,
        "acme": check_acme,
        "dns-provider": check_dns_provider,
        "agent": check_agent,
        "ruleset": check_ruleset,
        "exclusion": check_exclusion,
        "cache": check_cache,
        "backend": check_backend,
        "logging": check_logging,
        "namespace": check_namespace,
        "service": check_namespace,
        **UPSTREAM_CHECKS,
        **MATCH_CHECKS,
        **ROUTE_CHECKS,
        **FILTER_CHECKS,
    }
)
