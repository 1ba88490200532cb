"""`egress { … }` of the server configuration: where the control plane may send requests of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.installation_schema import KEY_URI
from reconciler.config.network import NETWORK
from reconciler.config.report import Problem
from reconciler.config.schema import block, scalar, values


@dataclass(frozen=True, slots=True)
class EgressRules:
    """`allow` are networks, in the form they are written; `trust` is the URI of a file of certificates, or None."""

    allow: tuple[str, ...] = ()
    trust: str | None = None


NO_EGRESS = EgressRules()
"""Public addresses, and what the system believes."""


def _check_network(text: str) -> Problem | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return Problem(
            "E-VAL-004",
            f"{shown(text)} is not a network: an address in it has bits behind the prefix, or there is no such one",
            NETWORK.expected,
            NETWORK.hint,
        )
    return None


EGRESS = block(
    "egress",
    "Where the control plane may send requests that somebody else wrote down, such as those of `http` gates. Private, "
    "loopback and link-local addresses and those of clouds' metadata are refused unless they are allowed here.",
    (
        values(
            "allow",
            replace(NETWORK, check=_check_network),
            "Addresses and networks that may be asked although they are not public. A metadata address has to be named "
            "by itself.",
            'allow "10.20.0.0/16" "192.0.2.7"',
        ),
        scalar(
            "trust",
            KEY_URI,
            "Where certificates in PEM stand that are believed besides those of the system.",
            'trust "file:internal-ca.pem"',
        ),
    ),
    example='egress {\n    allow "10.20.0.0/16"\n}',
)


def rules_of(data: Mapping[str, Any]) -> EgressRules:
    """The rules that the data of the block amount to."""
    return EgressRules(tuple(data.get("allow", ())), data.get("trust"))
