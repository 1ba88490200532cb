"""Codes of the file that says whose signing key is whose. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

SIGNER_CODES: tuple[Code, ...] = (
    Code(
        "E-SGN-001",
        "Not a line of allowed signers",
        "A line of .sentinel/allowed-signers is not one of a person and a key, or the file is no text or too long.",
        "Write: ada@example.com ssh-ed25519 AAAA… comment. A line that begins with # is a comment.",
    ),
    Code(
        "E-SGN-002",
        "Kind of key that does not count",
        "Ed25519, ECDSA and RSA keys count, the first two also on a security key (sk-…). DSA keys, RSA keys below 2048 "
        "bits and certificates do not.",
        "Make another key: ssh-keygen -t ed25519.",
    ),
    Code(
        "E-SGN-003",
        "Not a person",
        "A line names a pattern, or something else than an address in lower case. An approval counts for somebody, so "
        "each key belongs to one person.",
        "Write the address that stands in the person's commits. Several names of one person have ',' between them.",
    ),
    Code(
        "E-SGN-004",
        "Damaged key",
        "The key is not what its kind says: it was cut, or mixed with another.",
        "Copy the line of the file that ends in .pub again.",
    ),
    Code(
        "E-SGN-005",
        "Key of two people",
        "One key stands beside different names on two lines, so nobody could say who has signed.",
        "Put all names of one person on one line, and give each person a key of their own.",
    ),
    Code(
        "E-SGN-006",
        "Option that does not count",
        "namespaces (with git among them), valid-after and valid-before count. A certificate authority does not: it "
        "could vouch for anybody.",
        "Remove the option, or correct its value.",
    ),
)
