"""A certificate that something in an environment uses, as facts: what pages, metrics and differences tell of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.config.x509 import Certificate


@dataclass(frozen=True, slots=True)
class CertificateInUse:
    """`hosts` are the DNS names in the certificate. `sha256` is the digest of the chain as the bundle carries it.

    `secret` is the name of its key, and `version` that of the key's value in the environment. From `begins` to
    `expires` the whole chain holds; `warn_seconds` before its end people hear of it. `used_by` are words such as
    "listener public".
    """

    name: str
    subject: str
    issuer: str
    hosts: tuple[str, ...]
    key: str
    secret: str
    version: int
    begins: datetime
    expires: datetime
    sha256: str
    warn_seconds: int
    used_by: tuple[str, ...]

    @classmethod
    def of(
        cls,
        name: str,
        chain: tuple[Certificate, ...],
        content: bytes,
        *,
        secret: str,
        version: int,
        warn_seconds: int,
        used_by: tuple[str, ...],
    ) -> CertificateInUse:
        """The facts of a chain that is carried as `content`."""
        return cls(
            name=name,
            subject=chain[0].subject,
            issuer=chain[0].issuer,
            hosts=chain[0].hosts,
            key=chain[0].key,
            secret=secret,
            version=version,
            begins=max(certificate.begins for certificate in chain),
            expires=min(certificate.expires for certificate in chain),
            sha256=hashlib.sha256(content).hexdigest(),
            warn_seconds=warn_seconds,
            used_by=used_by,
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "name": self.name,
            "subject": self.subject,
            "issuer": self.issuer,
            "hosts": list(self.hosts),
            "key": self.key,
            "secret": self.secret,
            "version": self.version,
            "begins": self.begins.isoformat(),
            "expires": self.expires.isoformat(),
            "sha256": self.sha256,
            "warn_seconds": self.warn_seconds,
            "used_by": list(self.used_by),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CertificateInUse:
        """The facts that `to_json` gave. Raises KeyError, TypeError and ValueError for anything else."""
        return cls(
            **{name: str(data[name]) for name in ("name", "subject", "issuer", "key", "secret", "sha256")},
            version=int(data["version"]),
            hosts=tuple(str(host) for host in data["hosts"]),
            begins=datetime.fromisoformat(data["begins"]),
            expires=datetime.fromisoformat(data["expires"]),
            warn_seconds=int(data["warn_seconds"]),
            used_by=tuple(str(user) for user in data["used_by"]),
        )
