"""The way to the control plane: whose certificates are believed, which one is shown, which proxy it goes through."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3

from reconciler.errors import Stalled


@dataclass(frozen=True, slots=True)
class Way:
    """`ca_file` is believed beside the machine's own authorities. `certificate` and `key` are shown to the control
    plane alone. `proxy` is the URL of an HTTP proxy, with a user and password when it wants them."""

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    proxy: str = field(default="", repr=False)

    def context(self, *, own: bool) -> ssl.SSLContext | None:
        """What a TLS connection is made with, None for the usual; `own`: to the control plane.

        Raises `Stalled` that names the file.
        """
        if self.ca_file is None and not (own and self.certificate is not None):
            return None
        context = ssl.create_default_context()
        try:
            if self.ca_file is not None:
                context.load_verify_locations(self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(self.ca_file, error) from None
        try:
            if own and self.certificate is not None:
                # A key that is encrypted would have the process wait for somebody to type its password.
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(self.certificate, error) from None
        return context

    @property
    def proxy_url(self) -> str:
        """The proxy without user and password."""
        parts = urlsplit(self.proxy)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))

    @property
    def proxy_headers(self) -> dict[str, str]:
        """What the proxy is shown."""
        parts = urlsplit(self.proxy)
        if parts.username is None:
            return {}
        user, password = unquote(parts.username), unquote(parts.password or "")
        return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}"))


DIRECT = Way()


def _no_password() -> str:
    return ""


def _unusable(path: Path | None, error: OSError) -> Stalled:
    return Stalled(
        "E-NOD-103",
        f"{path} cannot be used for TLS: {error.strerror or type(error).__name__}",
        cure="Name files in PEM: --ca-file, --client-certificate with its --client-key, which is not encrypted",
    )
