"""The rows of TLS in the table of what the proxy does: listeners, upstreams, certificates and trust stores."""

from __future__ import annotations

from reconciler.compile.feature import Feature, Level, row

_NATIVE, _INEFFECTIVE, _IMPOSSIBLE = Level.native, Level.ineffective, Level.impossible

LISTENERS: tuple[Feature, ...] = (
    row(
        "listener.https",
        _NATIVE,
        "TLS with one certificate for each listener, HTTP/2 and HTTP/1.1",
        "certificate and key are read when the proxy starts",
    ),
    row(
        "listener.certificate.several",
        _IMPOSSIBLE,
        "Several certificates on one listener, chosen by the name that a client asks for",
        "its grammar has a list of them by host and it serves the first certificate alone",
        instead="name all hosts in one certificate, or give each certificate a listener with an address of its own",
    ),
    row(
        "listener.tls.min-version",
        _INEFFECTIVE,
        "The oldest version of TLS",
        "the setting is parsed and not applied: it speaks TLS 1.2 and 1.3",
        instead="remove this line, or end TLS in front of the proxy",
    ),
    row(
        "listener.tls.cipher-suites",
        _INEFFECTIVE,
        "The cipher suites of TLS",
        "the setting is parsed and not applied",
        instead="remove this line, or end TLS in front of the proxy",
    ),
    row(
        "listener.tls.client-trust-store",
        _IMPOSSIBLE,
        "Asking clients for a certificate",
        "the setting is parsed and not applied, so everybody would come in",
        instead="end TLS in front of the proxy, or guard the services with an auth-policy",
    ),
    row(
        "listener.h2",
        _IMPOSSIBLE,
        "Listeners of their own for HTTP/2 or HTTP/3",
        "it opens no socket for them",
        instead='protocol "https", with which clients choose HTTP/2',
    ),
)

UPSTREAM_TLS: tuple[Feature, ...] = (
    row("upstream.tls", _NATIVE, "TLS to targets", "trusting whom the node's own trust store trusts"),
    row(
        "upstream.tls.client-certificate",
        _NATIVE,
        "Showing targets a certificate",
        "certificate and key are read with each reload",
    ),
    row(
        "upstream.tls.trust-store",
        _INEFFECTIVE,
        "Trusting certain issuers of targets' certificates",
        "the node's own trust store is used instead; it is not written",
        instead="add the issuers to the trust store of the nodes' systems (bundles carry them as trust/NAME.pem), and "
        "remove this line",
    ),
)

CERTIFICATES: tuple[Feature, ...] = (
    row(
        "certificate",
        _NATIVE,
        "A certificate whose chain is a file of the repository and whose key is a secret",
        "bundles carry the chain; the key comes to a node apart from them, sealed",
    ),
    row(
        "certificate.acme",
        _IMPOSSIBLE,
        "Ordering certificates from an issuer",
        "nothing here orders them yet, and the proxy's own order is renewed without being served until a restart",
        instead="order it elsewhere, and add it: sentinelctl certificate add NAME --cert FILE --key FILE",
    ),
)
