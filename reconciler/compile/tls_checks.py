"""Checks on TLS in one environment: that each listener has the certificate that it needs, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.compile.objections import Objection
from reconciler.compile.support import support_problem
from reconciler.config.findings import Severity
from reconciler.config.pem import certificates
from reconciler.config.report import Problem
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering
from reconciler.config.x509 import Certificate

Data = Mapping[str, Any]


def tls_objections(rendering: Rendering) -> Iterator[Objection]:
    """Everything about certificates, and what listeners ask of TLS beyond them."""
    known = {resource.name: data for resource, data in rendering.of("certificate")}
    served: list[Certificate] = []
    for resource, data in rendering.of("listener"):
        names = data.get("certificate", ())
        for name in names[1:]:
            yield from _of_support(
                rendering, resource, "listener.certificate.several", ("certificate",), name
            )
        for field in data.get("tls", {}):
            yield from _of_support(rendering, resource, f"listener.tls.{field}", ("tls", field))
        for name in names[:1]:
            yield from _usable(rendering, resource, ("certificate",), name, known[name])
            leaf = _leaf(rendering, known[name])
            if leaf is not None:
                served.append(leaf)
                if not leaf.for_servers:
                    yield Objection(resource, ("certificate",), _for_others(name, "servers"), name)
    if served:
        yield from _uncovered(rendering, served)
    for resource, data in rendering.of("upstream"):
        name = data.get("tls", {}).get("client-certificate")
        if name is None:
            continue
        where = ("tls", "client-certificate")
        yield from _usable(rendering, resource, where, name, known[name])
        leaf = _leaf(rendering, known[name])
        if leaf is not None and not leaf.for_clients:
            yield Objection(resource, where, _for_others(name, "clients"), name)


def _of_support(
    rendering: Rendering, resource: Resource, feature: str, path: tuple[str, ...], value: Any = None
) -> Iterator[Objection]:
    problem = support_problem(feature, rendering.policy.proxy_version)
    if problem is not None:
        yield Objection(resource, path, problem, value)


def _usable(
    rendering: Rendering, resource: Resource, path: tuple[str, ...], name: str, data: Data
) -> Iterator[Objection]:
    if "acme" in data:
        yield from _of_support(rendering, resource, "certificate.acme", path, name)


def _leaf(rendering: Rendering, data: Data) -> Certificate | None:
    """The certificate itself; None for one that has to be ordered."""
    return certificates(rendering.attached[data["chain"]])[0] if "chain" in data else None


def _for_others(name: str, whom: str) -> Problem:
    return Problem(
        "E-CMP-030",
        f"the certificate '{name}' is not good for {whom}: its key usages leave that out",
        f"a certificate with the extended key usage for {whom}, or without any",
        "have it issued again for this use",
    )


def _uncovered(rendering: Rendering, served: list[Certificate]) -> Iterator[Objection]:
    """Hosts that clients reach over TLS and that no certificate of the environment is for.

    Every service is reachable through every listener. Each certificate has a listener of its own, so a host is covered
    when any is for it.
    """
    for resource, data in rendering.of("service"):
        for host in data.get("hosts", ()):
            if any(certificate.is_for(host) for certificate in served):
                continue
            covered = sorted({name for certificate in served for name in certificate.hosts})
            problem = Problem(
                "W-CMP-030",
                f"no certificate of an https listener is for '{host}': clients will refuse the connection",
                "one of " + (", ".join(covered[:5]) or "no host name at all"),
                "have the name put into the certificate, or correct the host",
                Severity.warning,
            )
            yield Objection(resource, ("hosts",), problem, host)
