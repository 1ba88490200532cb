"""Codes of secrets and of what looks like one. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

SECRET_CODES: tuple[Code, ...] = (
    Code(
        "E-SEA-001",
        "Secret without a value",
        "A resource that exists in an environment names a secret that has no sealed value for that environment. A "
        "notification-channel needs one in every environment whose rules name it.",
        "Run `sentinelctl secret set NAME --environment ENVIRONMENT`, or limit the resource with 'only'.",
    ),
    Code(
        "E-SEA-002",
        "Value sealed for another key",
        "The key that a value names is not the environment's sealing-key: the key was replaced, or the value was "
        "sealed for another environment.",
        "After a change of the key, run `sentinelctl secret rewrap --environment ENVIRONMENT --old-key URI`, which "
        "makes one commit of it. Otherwise seal the value again with `sentinelctl secret set`.",
    ),
    Code(
        "E-SEA-003",
        "Value for an environment without a key",
        "A value is sealed for an environment that has no sealing-key.",
        "Make a key with `sentinelctl secret keygen`, and write the line that it prints into the environment.",
    ),
    Code(
        "E-SEA-004",
        "Sealed value copied",
        "The same sealed value stands in two places. Project, environment, name and version are part of what is "
        "sealed, so it opens in one of them at most.",
        "Seal the value for each place with `sentinelctl secret set`.",
    ),
    Code(
        "W-SEA-001",
        "Secret that is due",
        "A value is older than its secret's rotate-every says. It is a warning.",
        "Make a new value where it is used, and run `sentinelctl secret rotate NAME --environment ENVIRONMENT`.",
    ),
)
