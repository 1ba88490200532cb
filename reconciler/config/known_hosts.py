"""Pinned keys of ssh hosts, in the form of OpenSSH's known_hosts: `host kind key` or `[host]:port kind key`."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

from reconciler.config.characters import shown
from reconciler.config.report import Problem
from reconciler.config.ssh_keys import KeyProblem, check_key

SSH_PORT = 22
HOST = re.compile(r"[a-z0-9][a-z0-9.:-]*")


def check_known_host(line: str) -> Problem | None:
    """What is wrong with the key of a line, or None."""
    host, kind, key = line.split(" ")
    try:
        check_key(kind, base64.b64decode(key, validate=True))
    except KeyProblem as problem:
        why = str(problem)
    except binascii.Error:
        why = "the key is damaged"
    else:
        return None
    return Problem(
        "E-VAL-004",
        f"the key of {shown(host)} is not taken: {why}",
        "the key of a host as `ssh-keyscan` prints it",
        "copy the whole line again, and compare the key with what the owner of the host publishes",
    )


def host_of(url: str) -> str | None:
    """The host that an ssh URL leads to, as a line would name it; None for a URL of another kind, or one that is
    refused for its host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "ssh" or not HOST.fullmatch(host or ""):
        return None
    return str(host) if port in (None, SSH_PORT) else f"[{host}]:{port}"


def names(line: str, host: str) -> bool:
    """Whether a line is about a host, both as `host_of` writes them. A line without a port is about every port."""
    named = line.partition(" ")[0].lower()
    return named in (host, host.partition("]:")[0].removeprefix("["))
