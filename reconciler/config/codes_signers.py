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
    Code(
        "E-SGN-020",
        "Commit that nobody has signed",
        "The server configuration asks for a signed trunk (signed-trunk), and a commit that comes to it has no "
        "signature. A merge that is just what merging its parents gives needs none.",
        "Sign the commit, and merge it by a merge commit: a forge that squashes or rebases drops signatures.",
    ),
    Code(
        "E-SGN-021",
        "Commit signed by nobody known",
        "The commit has a signature, and its key is nobody's in .sentinel/allowed-signers of the last valid commit, "
        "has run out there, or is no SSH key.",
        "Have somebody whose key is known add yours in a commit of their own first.",
    ),
    Code(
        "E-SGN-022",
        "Too many commits at once to verify",
        "So many commits came to trunk since the last valid one that their signatures are not looked at.",
        "Push them in smaller parts.",
    ),
)
