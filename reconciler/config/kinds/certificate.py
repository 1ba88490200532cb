"""The kind `certificate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.credentials import HttpsUrl
from reconciler.config.durations import Duration
from reconciler.config.kinds.notification_channel import EMAIL
from reconciler.config.network import HOST
from reconciler.config.report import Problem
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.schema import Complaint, block, kind, reference, scalar, values
from reconciler.config.values import Choice

PEM = (".pem", ".crt")
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    chain, key, acme = (name in data for name in ("chain", "key", "acme"))
    if acme and (chain or key):
        problem = Problem(
            "E-VAL-009",
            "a certificate that is ordered has no chain and no key in the repository",
            "acme, or chain and key",
            "remove one of the two forms",
        )
        found.append(Complaint(("chain" if chain else "key",), problem))
    elif not acme and not (chain and key):
        lacking = "key" if chain else "chain"
        hint = 'add: key "shop-key"' if chain else 'add: chain "certificates/shop.pem"'
        said = (
            f"the certificate lacks its {lacking}"
            if chain or key
            else "the certificate has no chain and no acme"
        )
        found.append(Complaint((), Problem("E-KND-003", said, "chain and key, or acme", hint)))
    if acme and data["acme"].get("challenge") == "http-01":
        for name in data.get("names", ()):
            if name.startswith("*."):
                problem = Problem(
                    "E-VAL-009",
                    f"'{name}' cannot be proved by http-01",
                    'challenge "dns-01"',
                    "name the hosts one by one, or change the challenge",
                )
                found.append(Complaint(("names",), problem, name))
    return tuple(found)


KIND = kind(
    "certificate",
    "A certificate for TLS: its chain as a file of the repository and its private key as a secret, or "
    "the order of one. The "
    "chain has to be whole, in order, signed, and good for every name. Bundles carry the chain as "
    "certificates/NAME.pem for the environments in which something uses it.",
    (
        values(
            "names",
            HOST,
            "The host names it is for.",
            'names "shop.example.com" "*.shop.example.com"',
            required=True,
        ),
        scalar(
            "chain",
            RepositoryPath(PEM),
            "A PEM file: the certificate itself, then each issuer up to the root, which may be left out.",
            'chain "certificates/shop.pem"',
        ),
        reference("key", "secret", "The secret that is its private key.", 'key "shop-key"'),
        scalar(
            "warn-before",
            Duration("1d", "180d"),
            "How long before its end people hear of it.",
            'warn-before "21d"',
            default="21d",
        ),
        block(
            "acme",
            "The order of a certificate. It is checked and kept; ordering is not automatic yet.",
            (
                scalar("email", EMAIL, "The account's address.", 'email "edge@example.com"', required=True),
                scalar(
                    "directory",
                    HttpsUrl(),
                    "The issuer's directory.",
                    f'directory "{LETS_ENCRYPT}"',
                    default=LETS_ENCRYPT,
                ),
                scalar(
                    "challenge",
                    Choice(("http-01", "dns-01")),
                    "How the names are proved.",
                    'challenge "http-01"',
                    default="http-01",
                ),
            ),
            example='acme {\n    email "edge@example.com"\n}',
        ),
    ),
    example='certificate "shop" {\n    names "shop.example.com"\n    acme {\n        email '
    '"edge@example.com"\n    }\n}',
    check=_check,
)
