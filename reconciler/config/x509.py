"""Certificates: what is read of one, whom it is for, and whether one issued another. RFC 5280, by `cryptography`."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SMALLEST_RSA = 2048
"""Bits. CA/Browser Forum Baseline Requirements 6.1.5; the same floor holds in OpenSSL's default security level."""

LARGEST_RSA = 8192
"""Bits. Beyond it a handshake costs so much that a few clients can hold up a proxy, and some refuse it."""

CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
"""The curves that TLS libraries take in a certificate, by the names that `cryptography` has for them."""

LONGEST_NAME = 200
"""Characters of a subject's or an issuer's name that are shown."""

WEAK_HASHES = frozenset({"md5", "sha1"})

UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What reading a broken certificate raises."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is read of a certificate.

    `subject` and `issuer` are short names for people: the common name, else the first host, else the whole name as RFC
    4514 writes it; `subject_name` and `issuer_name` are the whole names in DER. Times are aware UTC; `hosts` are its
    DNS names in order of the alphabet; `key` says what kind of key it is for, and `public_key` is that key as a
    SubjectPublicKeyInfo. `weak` is why no client should trust it, or empty. `for_servers` and `for_clients` say whether
    its key usages allow that.
    """

    subject: str
    issuer: str
    subject_name: bytes = field(repr=False)
    issuer_name: bytes = field(repr=False)
    begins: datetime
    expires: datetime
    hosts: tuple[str, ...]
    is_issuer: bool
    key: str
    weak: str
    for_servers: bool
    for_clients: bool
    public_key: bytes = field(repr=False)
    der: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the whole certificate, in hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def is_self_issued(self) -> bool:
        """Whether it names itself as its issuer, as roots do."""
        return self.subject_name == self.issuer_name

    def is_for(self, host: str) -> bool:
        """Whether it is good for a name, or for a wildcard as a whole. RFC 6125: a wildcard stands for one label."""
        parent = "*." + host.partition(".")[2]
        return host in self.hosts or (not host.startswith("*.") and parent in self.hosts)


def read_certificate(der: bytes) -> Certificate:
    """What is read of a certificate. Raises one of `UNREADABLE`."""
    with warnings.catch_warnings():
        # What the library warns of, such as odd serial numbers, is no reason to refuse a certificate of others.
        warnings.simplefilter("ignore")
        return _read(x509.load_der_x509_certificate(der), der)


def is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key made the certificate's signature, and the names fit."""
    one, other = (x509.load_der_x509_certificate(c.der) for c in (issuer, certificate))
    try:
        other.verify_directly_issued_by(one)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def _read(found: x509.Certificate, der: bytes) -> Certificate:
    extensions = found.extensions
    hosts: tuple[str, ...] = ()
    is_issuer = False
    signs, usages = True, None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            hosts = tuple(sorted({name.lower() for name in value.get_values_for_type(x509.DNSName)}))
        elif isinstance(value, x509.BasicConstraints):
            is_issuer = value.ca
        elif isinstance(value, x509.KeyUsage):
            signs = value.digital_signature
        elif isinstance(value, x509.ExtendedKeyUsage):
            usages = set(value)
    if is_issuer:
        is_issuer = _may_sign(extensions)
    public = found.public_key()
    kind, weak = _key(public)
    if not weak and found.signature_hash_algorithm is not None and found.subject != found.issuer:
        # Nobody checks a root's signature of itself.
        name = found.signature_hash_algorithm.name
        weak = f"its signature uses {name.upper()}" if name in WEAK_HASHES else ""
    anything = usages is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages
    return Certificate(
        subject=_called(found.subject, hosts),
        issuer=_called(found.issuer),
        subject_name=found.subject.public_bytes(),
        issuer_name=found.issuer.public_bytes(),
        begins=found.not_valid_before_utc,
        expires=found.not_valid_after_utc,
        hosts=hosts,
        is_issuer=is_issuer,
        key=kind,
        weak=weak,
        for_servers=signs and (anything or ExtendedKeyUsageOID.SERVER_AUTH in (usages or ())),
        for_clients=signs and (anything or ExtendedKeyUsageOID.CLIENT_AUTH in (usages or ())),
        public_key=public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        der=der,
    )


def _called(name: x509.Name, hosts: tuple[str, ...] = ()) -> str:
    """A name for people: short, and with nothing in it that could steer a terminal or turn the direction of writing."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common[0].value) if common else next(iter(hosts), name.rfc4514_string())
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:LONGEST_NAME]) or "without a name"


def _may_sign(extensions: x509.Extensions) -> bool:
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _key(public: object) -> tuple[str, str]:
    """What kind of key it is, and why it is too weak, or nothing."""
    if isinstance(public, rsa.RSAPublicKey):
        size = public.key_size
        if size < SMALLEST_RSA:
            return f"RSA {size}", f"its RSA key has {size} bits"
        return f"RSA {size}", f"its RSA key has {size} bits" if size > LARGEST_RSA else ""
    if isinstance(public, ec.EllipticCurvePublicKey):
        name = CURVES.get(public.curve.name)
        return f"ECDSA {name or public.curve.name}", "" if name else f"its key is on {public.curve.name}"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519", ""
    kind = type(public).__name__.strip("_").removesuffix("PublicKey") or "an unknown kind"
    return kind, f"its key is of the kind {kind}"
