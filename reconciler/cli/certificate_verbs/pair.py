"""A certificate and its key as somebody brings them, checked before anything is sealed or written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from reconciler.compile.expiry import days_left
from reconciler.config import limits
from reconciler.config.crossing.chains import chain_problem, strength_problems
from reconciler.config.findings import Severity
from reconciler.config.network import HOST
from reconciler.config.pem import NotPem, certificates
from reconciler.config.report import Problem
from reconciler.config.x509 import Certificate
from reconciler.errors import Stalled
from reconciler.keys.private import PrivateKey, read_private_key


@dataclass(frozen=True, slots=True)
class Brought:
    """A chain that is whole and holds now, and the key that fits its first certificate, when there is one."""

    chain: tuple[Certificate, ...]
    key: PrivateKey | None

    @property
    def leaf(self) -> Certificate:
        return self.chain[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the certificate that the language has a form for."""
        return tuple(host for host in self.leaf.hosts if not isinstance(HOST.read(host), Problem))

    @property
    def ends(self) -> datetime:
        """When the first certificate of the chain ends."""
        return min(certificate.expires for certificate in self.chain)

    def told(self, now: datetime) -> str:
        """What it is, in a line."""
        left = days_left(self.ends, now)
        names = ", ".join(self.leaf.hosts) or self.leaf.subject
        return f"{names}, issued by {self.leaf.issuer}, {self.leaf.key}, ends on {self.ends:%Y-%m-%d} ({left} days)"


def read_pair(cert: Path, key: Path | None, *, now: datetime) -> Brought:
    """Read and check both. Warnings are printed.

    Raises `Stalled`: E-CRT-010 and E-CRT-011 for the key, E-CRT-012 when it does not fit, E-CRT-013 when the chain is
    not as it should be, E-CRT-014 when it does not hold now.
    """
    chain = _chain(cert)
    _check_times(cert, chain, now)
    private = None if key is None else read_private_key(_read(key), str(key))
    if private is not None and private.public != chain[0].public_key:
        raise Stalled(
            "E-CRT-012",
            f"the key in {key} is not that of the certificate in {cert}, which is for a key of the kind {chain[0].key}",
            cure="Give the key that the certificate was requested with; the certificate itself has to come first in "
            "its file",
        )
    return Brought(chain, private)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(limits.ATTACHED_BYTES + 1)


def _chain(path: Path) -> tuple[Certificate, ...]:
    try:
        chain = certificates(_read(path))
    except NotPem as error:
        raise Stalled(
            "E-CRT-013",
            f"{path} {error}",
            cure="Give a file with the certificate and its issuers, as PEM and without the key",
        ) from None
    for problem in (chain_problem(chain), *strength_problems(chain)):
        if problem is None:
            continue
        if problem.severity is Severity.error:
            raise Stalled(
                "E-CRT-013", f"{path}: {problem.message} ({problem.code})", cure=_sentence(problem.hint)
            )
        click.echo(f"warning {problem.code}: {problem.message}; {problem.hint}", err=True)
    return chain


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _check_times(path: Path, chain: tuple[Certificate, ...], now: datetime) -> None:
    for certificate in chain:
        if now >= certificate.expires:
            raise Stalled(
                "E-CRT-014",
                f"the certificate of '{certificate.subject}' in {path} ended on "
                f"{certificate.expires:%Y-%m-%d %H:%M} UTC",
                cure="Have it issued again",
            )
        if now < certificate.begins:
            raise Stalled(
                "E-CRT-014",
                f"the certificate of '{certificate.subject}' in {path} holds from {certificate.begins:%Y-%m-%d %H:%M} "
                "UTC on, and not yet",
                cure="Wait until then; if that is past, the clock of this machine is wrong",
            )
