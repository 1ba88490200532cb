"""Chains of certificates: whole, in order, each signed by the next, good for their names, and strong enough.

Whether the private key fits is not known here, for it is sealed: `sentinelctl certificate add` looks before it seals.
Times are compared with each other and never with a clock; `reconciler.compile.expiry` does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from reconciler.config.findings import Severity
from reconciler.config.pem import NotPem, certificates, holds_private_key
from reconciler.config.report import Problem
from reconciler.config.x509 import Certificate, is_issued_by

LONGEST = 10
"""Certificates in a chain. TLS libraries follow about as many."""

Found = tuple[tuple[str, ...], str, Problem]
"""A field of the resource, its value, and what is wrong there."""


def unreadable(error: NotPem) -> Problem:
    """The problem of a file that holds something else than certificates."""
    return Problem(
        "E-PEM-001",
        f"the file {error}",
        "PEM with certificates alone",
        "write it with openssl x509 -outform pem",
    )


def chain_problems(data: Mapping[str, Any], content: bytes) -> Iterator[Found]:
    """What is wrong with the content of a certificate's chain file."""
    file = data["chain"]
    if holds_private_key(content):
        return  # It is told of the file itself.
    try:
        chain = certificates(content)
    except NotPem as error:
        yield ("chain",), file, unreadable(error)
        return
    problem = chain_problem(chain)
    if problem is not None:
        yield ("chain",), file, problem
    for problem in strength_problems(chain):
        yield ("chain",), file, problem
    for name in data.get("names", ()):
        if not chain[0].is_for(name):
            yield ("names",), name, _not_for(name, chain[0])


def chain_problem(chain: tuple[Certificate, ...]) -> Problem | None:
    """Why clients cannot follow the chain from its first certificate to an issuer, or None."""
    return _order(chain) or _ending(chain)


def _order(chain: tuple[Certificate, ...]) -> Problem | None:
    """Why the certificates do not follow one from the other, or None."""
    expected = "the certificate itself, then each issuer in turn"
    if len(chain) > LONGEST:
        words = f"the chain has {len(chain)} certificates"
        return Problem("E-PEM-002", words, f"at most {LONGEST}", "leave out what does not belong to it")
    if chain[0].is_issuer and len(chain) > 1:
        words = "the first certificate is an issuer's"
        return Problem("E-PEM-002", words, "the certificate itself first", "turn the order round")
    for number, (one, next_one) in enumerate(pairwise(chain), 1):
        if one.issuer_name != next_one.subject_name:
            return Problem(
                "E-PEM-002",
                f"certificate {number + 1} of the chain did not issue certificate {number}",
                expected,
                f"behind certificate {number} belongs that of '{one.issuer}'",
            )
        if not next_one.is_issuer:
            return Problem(
                "E-PEM-002",
                f"certificate {number + 1} of the chain may not issue others",
                expected,
                f"take the certificate of '{one.issuer}' that is an issuer's",
            )
        if not is_issued_by(one, next_one):
            return Problem(
                "E-PEM-006",
                f"the signature of certificate {number} was not made with the key of certificate {number + 1}",
                f"the certificate of '{one.issuer}' whose key it was",
                "an issuer that renewed its key has several certificates of one name: take the right one",
            )
    return None


def _ending(chain: tuple[Certificate, ...]) -> Problem | None:
    """A chain of one certificate that somebody else issued: most clients cannot get on from there."""
    if len(chain) > 1 or chain[0].is_self_issued:
        return None
    return Problem(
        "W-PEM-001",
        f"the chain ends at the certificate itself, whose issuer is '{chain[0].issuer}'",
        "its issuer's certificate behind it",
        "add the issuer's certificate, even when it is a root",
        Severity.warning,
    )


def strength_problems(chain: tuple[Certificate, ...]) -> Iterator[Problem]:
    """What makes clients refuse the certificates whoever trusts their issuer."""
    for number, certificate in enumerate(chain, 1):
        if certificate.expires <= certificate.begins:
            yield Problem(
                "E-PEM-004",
                "a certificate ends before it begins",
                "a certificate that holds",
                "have it issued again",
            )
        if certificate.weak:
            yield Problem(
                "E-PEM-007",
                f"certificate {number} of the chain is too weak: {certificate.weak}",
                "RSA of 2048 to 8192 bits, or ECDSA on P-256, P-384 or P-521, signed with SHA-256 or better",
                "make a new key, and have a certificate issued for it",
            )
    if chain[0].key == "Ed25519":
        yield Problem(
            "W-PEM-002",
            "the certificate has an Ed25519 key, which browsers do not take",
            "RSA or ECDSA, unless every client is known to take it",
            "openssl ecparam -name prime256v1 -genkey makes a key that all take",
            Severity.warning,
        )


def _not_for(name: str, leaf: Certificate) -> Problem:
    listed = ", ".join(leaf.hosts[:5]) or "no host name at all"
    return Problem(
        "E-PEM-003",
        f"the certificate is not for '{name}'",
        f"one of {listed}",
        "correct the name, or have it issued again",
    )
