"""Codes of certificates and of TLS. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

TLS_CODES: tuple[Code, ...] = (
    Code(
        "E-PEM-001",
        "Not PEM with certificates",
        "A certificate's chain or a trust store is no PEM, is cut short, or holds something else than certificates.",
        "Write it with openssl x509 -outform pem; text between the blocks is passed over.",
    ),
    Code(
        "E-PEM-002",
        "Chain out of order",
        "A chain begins with the certificate itself; each following one is an issuer's and issued the one before it.",
        "Put them in order, and add what is missing. The root may be left out.",
    ),
    Code(
        "E-PEM-003",
        "Certificate for other names",
        "The certificate's DNS names do not include one that the resource names. A wildcard stands for one label.",
        "Correct the name, or have a certificate issued for it.",
    ),
    Code(
        "E-PEM-004",
        "Certificate that never holds",
        "A certificate of the chain ends before it begins.",
        "Have it issued again.",
    ),
    Code(
        "E-PEM-005",
        "No issuer's certificate",
        "A trust store holds a certificate that may not issue others, so nothing would ever be trusted by it.",
        "Put in the issuer's certificate instead.",
    ),
    Code(
        "E-PEM-006",
        "Signature of another key",
        "The names in a chain fit and a signature does not: the issuer has, or had, another key than the one in the "
        "chain. Clients that follow the chain refuse it.",
        "Take the issuer's certificate that belongs to the key it signed with; whoever issued the certificate has it.",
    ),
    Code(
        "E-PEM-007",
        "Certificate too weak",
        "A key of the chain is too short, too long or of a kind that TLS libraries do not take, or a signature uses "
        "MD5 or SHA-1. Clients refuse it whoever issued it.",
        "Make a new key, and have a certificate issued for it.",
    ),
    Code(
        "W-PEM-001",
        "Chain without its issuer",
        "The chain has the certificate alone, and somebody else issued it. Most clients know roots and no issuers "
        "below them, so they cannot tell whether to trust it.",
        "Add the issuer's certificate behind it. For an issuer that every client knows, add it all the same: it does "
        "no harm.",
    ),
    Code(
        "W-PEM-002",
        "Certificate that browsers do not take",
        "The certificate's key is Ed25519. Libraries take it; browsers do not.",
        "Take a key of RSA or ECDSA, unless no browser ever comes.",
    ),
    Code(
        "E-CMP-030",
        "Certificate for another use",
        "A certificate says what it is good for, by its key usages, and what uses it here is not among that: a "
        "listener needs one for servers, an upstream's client-certificate one for clients.",
        "Have it issued again for this use; openssl x509 -noout -ext keyUsage,extendedKeyUsage shows what it allows.",
    ),
    Code(
        "W-CMP-030",
        "Host without a certificate",
        "A service answers for a host, every service is reachable through every listener, and no https listener of the "
        "environment has a certificate for that host. A wildcard stands for exactly one label.",
        "Have the name put into a certificate, give it a listener with its own, or correct the host.",
    ),
    Code(
        "E-CRT-001",
        "Certificate that has ended",
        "A certificate that a listener or an upstream uses, or one of its issuers in the chain, has ended: clients "
        "refuse it. `sentinelctl validate` says so as an error. On a commit of trunk it is a warning, so that time "
        "alone never keeps other changes from going out.",
        "Have it issued again, and run `sentinelctl certificate renew NAME --cert FILE --key FILE`.",
    ),
    Code(
        "E-CRT-002",
        "Certificate that does not hold yet",
        "A certificate that a listener or an upstream uses, or one of its issuers in the chain, begins later than now. "
        "On a commit of trunk it is a warning.",
        "Wait until it holds, or have one issued that holds now. If that is now, the clock of this machine is wrong.",
    ),
    Code(
        "W-CRT-001",
        "Certificate that ends soon",
        "A certificate that a listener or an upstream uses ends within the time that its warn-before says.",
        "Have it issued again, and run `sentinelctl certificate renew NAME --cert FILE --key FILE`.",
    ),
)
