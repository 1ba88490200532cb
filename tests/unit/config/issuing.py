"""Certificates made for a test, with the issuers above them. Their keys live as long as the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""The moment that tests about time are played at; certificates begin a day before it unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key and whoever issued it."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)
    issuer: Issued | None = None

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain(self) -> bytes:
        """The certificate and every issuer up to the root."""
        return self.pem + (self.issuer.chain if self.issuer else b"")

    def private(self, form: PrivateFormat = PrivateFormat.PKCS8, *, passphrase: bytes | None = None) -> bytes:
        """The key as PEM."""
        sealed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, form, sealed)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(65537, bits)


def issue(
    name: str,
    *hosts: str,
    by: Issued | None = None,
    ca: bool = False,
    begins: datetime = NOW - timedelta(days=1),
    days: int = 90,
    key: CertificateIssuerPrivateKeyTypes | None = None,
    usages: Sequence[x509.ObjectIdentifier] | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> Issued:
    """A certificate for the hosts, issued by another or by itself. `days` count from `begins` on."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    signer = by.key if by else key
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        signed = builder.sign(signer, None)
    else:
        signed = builder.sign(signer, algorithm or hashes.SHA256())
    return Issued(signed, key, by)
