"""Files that certificates, trust stores and plugins name: they have to be there and to hold what is said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.crossing.chains import chain_problems, unreadable
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.pem import NotPem, certificates, holds_private_key
from reconciler.config.report import Problem
from reconciler.config.resources import Resource
from reconciler.config.suggest import did_you_mean

WASM = b"\0asm\x01\0\0\0"
"""Magic number and version of a module. Source: WebAssembly Core Specification 5.5.16."""

LUA_BYTECODE = b"\x1bLua"


def check(tree: Tree) -> Iterator[Objection]:
    """What is wrong with the files that resources name."""
    for resource, data, environment in tree.of("certificate"):
        if "chain" in data:
            problem = missing(data["chain"], tree.attached)
            if problem is not None:
                yield Objection(resource, ("chain",), problem, data["chain"], environment)
                continue
            for path, value, problem in chain_problems(data, tree.attached[data["chain"]]):
                yield Objection(resource, path, problem, value, environment)
    for resource, data, environment in tree.of("trust-store"):
        for file in data.get("files", ()):
            trouble = missing(file, tree.attached) or _trust(tree.attached[file])
            if trouble is not None:
                yield Objection(resource, ("files",), trouble, file, environment)
    for resource, data, environment in tree.of("plugin"):
        if "type" in data and "file" in data:
            yield from _plugin(resource, data, environment, tree.attached)


def missing(file: str, attached: Mapping[str, bytes]) -> Problem | None:
    """The problem of a file that the tree does not hold, or None."""
    if file in attached:
        return None
    hint = did_you_mean(file, attached) or "commit it; the path begins at the folder that project.kdl is in"
    return Problem("E-REF-005", f"there is no file {shown(file)}", "a file of this repository", hint)


def _trust(content: bytes) -> Problem | None:
    if holds_private_key(content):
        return None
    try:
        found = certificates(content)
    except NotPem as error:
        return unreadable(error)
    if all(certificate.is_issuer for certificate in found):
        return None
    return Problem(
        "E-PEM-005",
        "the file holds a certificate that is no issuer's",
        "certificates of issuers",
        "take out the certificates of servers and clients",
    )


def _plugin(
    resource: Resource, data: Mapping[str, Any], environment: str | None, attached: Mapping[str, bytes]
) -> Iterator[Objection]:
    file = data["file"]
    if not file.endswith(f".{data['type']}"):
        return  # The kind itself has told.
    problem = missing(file, attached) or _code(data["type"], attached[file])
    if problem is not None:
        yield Objection(resource, ("file",), problem, file, environment)
        return
    digest = hashlib.sha256(attached[file]).hexdigest()
    if data.get("sha256", digest) != digest:
        problem = Problem(
            "E-PLG-002",
            "the file is not the one that the digest describes",
            digest,
            "look at what changed in the file, then write its digest",
        )
        yield Objection(resource, ("sha256",), problem, data["sha256"], environment)


def _code(type: str, content: bytes) -> Problem | None:
    if type == "wasm":
        right = content.startswith(WASM)
        expected = "a WebAssembly module of version 1"
    else:
        right = bool(content.strip()) and b"\0" not in content and not content.startswith(LUA_BYTECODE)
        expected = "Lua as text"
    if right:
        return None
    return Problem(
        "E-PLG-001", f"the file is not {expected}", expected, "commit what the compiler wrote, or the source"
    )
