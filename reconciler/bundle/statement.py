"""The statement: what a bundle is and where it came from.

An in-toto Statement v1 (https://in-toto.io/Statement/v1) with a SLSA v1 provenance predicate
(https://slsa.dev/provenance/v1). It has no times, so the same commit always gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey

from reconciler.bundle import canonical, dsse
from reconciler.bundle.fields import HEX64, SLUG, Fields
from reconciler.errors import Refused

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:sentinel-control-plane:compile:v1"
BUILDER = "urn:sentinel-control-plane"


@dataclass(frozen=True, slots=True)
class Statement:
    """A bundle's tar and blob (SHA-256 in hex, lengths in bytes) and the first commit that compiled to it.

    `repository` is a URL without credentials, `path` the project's folder in it (empty: all of it), `commit` and
    `tree` are git object ids, `author` is `Name <mail>`, `compiler` such as `sentinel-compiler/0.1.0`.
    """

    organization: str
    project: str
    tar_sha256: str
    tar_length: int
    blob_sha256: str
    blob_length: int
    repository: str
    path: str
    commit: str
    tree: str
    author: str
    compiler: str

    @property
    def digest(self) -> str:
        """The bundle's digest, `sha256:` and hex."""
        return f"sha256:{self.tar_sha256}"


def encode_statement(statement: Statement) -> bytes:
    """The payload that is signed."""
    return canonical.encode(_document(statement))


def sign_statement(statement: Statement, *keys: SigningKey) -> bytes:
    """The envelope, signed by each of `keys`. What a node would refuse to read is never signed (`Refused`)."""
    payload = encode_statement(statement)
    decode_statement(payload)
    return dsse.sign(PAYLOAD_TYPE, payload, keys)


def decode_statement(payload: bytes) -> Statement:
    """Read a statement's payload, whose signature is checked elsewhere. Raises `Refused` (E-VER-013, E-VER-014).

    What it reads it writes again and compares, so nothing can stand in a statement that nobody looked at.
    """
    what = "the statement"
    document = canonical.decode(payload, what)
    try:
        said = _said(document)
    except (KeyError, TypeError, ValueError):
        raise _misplaced(what) from None
    fields = Fields(said, said, what)
    statement = Statement(
        organization=fields.text("organization", SLUG),
        project=fields.text("project", SLUG),
        tar_sha256=fields.text("tar_sha256", HEX64),
        tar_length=fields.number("tar_length", 1),
        blob_sha256=fields.text("blob_sha256", HEX64),
        blob_length=fields.number("blob_length", 1),
        repository=fields.text("repository"),
        path=fields.text("path"),
        commit=fields.text("commit", longest=64),
        tree=fields.text("tree", longest=64),
        author=fields.text("author"),
        compiler=fields.text("compiler"),
    )
    if _document(statement) != document:
        raise _misplaced(what)
    return statement


def peek_statement(envelope: bytes, *, limit: int) -> Statement:
    """What an envelope says, **unverified**: for showing and for rebuilding, never for acting on."""
    return decode_statement(dsse.read_envelope(envelope, "the statement", limit=limit).payload)


def _said(document: Any) -> dict[str, Any]:
    """What stands where `_document` puts it. Raises KeyError, TypeError or ValueError when there is no such place."""
    tar, blob = document["subject"]
    build = document["predicate"]["buildDefinition"]
    outside, inside = build["externalParameters"], build["internalParameters"]
    return {
        "organization": outside["organization"],
        "project": outside["project"],
        "tar_sha256": tar["digest"]["sha256"],
        "tar_length": tar["annotations"]["length"],
        "blob_sha256": blob["digest"]["sha256"],
        "blob_length": blob["annotations"]["length"],
        "repository": outside["repository"],
        "path": outside["path"],
        "commit": outside["commit"],
        "tree": inside["tree"],
        "author": inside["author"],
        "compiler": inside["compiler"],
    }


def _misplaced(what: str) -> Refused:
    return Refused("E-VER-014", f"{what} is not laid out as ours are")


def _document(statement: Statement) -> dict[str, Any]:
    name = f"{statement.organization}/{statement.project}"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            _resource(f"{name}.tar", statement.tar_sha256, statement.tar_length),
            _resource(f"{name}.tar.zst", statement.blob_sha256, statement.blob_length),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "organization": statement.organization,
                    "project": statement.project,
                    "repository": statement.repository,
                    "path": statement.path,
                    "commit": statement.commit,
                },
                "internalParameters": {
                    "author": statement.author,
                    "compiler": statement.compiler,
                    "tree": statement.tree,
                },
                "resolvedDependencies": [
                    {
                        "uri": f"git+{statement.repository}",
                        "digest": {"gitCommit": statement.commit, "gitTree": statement.tree},
                    }
                ],
            },
            "runDetails": {"builder": {"id": BUILDER, "version": {"compiler": statement.compiler}}},
        },
    }


def _resource(name: str, sha256: str, length: int) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}, "annotations": {"length": length}}
