"""Every *no* of the node API: a status, a code and a sentence, as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json

DOCUMENT = "https://sentinel.invalid/errors#"
"""`type` is an identifier that ends in the code; nothing is served there."""


class Problem(Exception):
    """An answer other than the one asked for. `detail` never holds a secret and never says which check failed
    where that would tell a stranger something."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = headers

    def body(self) -> bytes:
        """The JSON document."""
        return json.dumps(
            {
                "type": f"{DOCUMENT}{self.code}",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
            },
            separators=(",", ":"),
        ).encode()


def no_route(path: str) -> Problem:
    """There is nothing at this path."""
    return Problem(404, "E-NAP-001", "Not found", f"There is nothing at {path[:200]!r}")


def wrong_method(allowed: str) -> Problem:
    """The path exists and takes other methods."""
    return Problem(
        405,
        "E-NAP-002",
        "Method not allowed",
        f"This path takes {allowed}",
        headers=((b"allow", allowed.encode()),),
    )


def too_large(limit: int) -> Problem:
    """The body is longer than the route takes."""
    return Problem(413, "E-NAP-003", "Body too large", f"The body may have at most {limit} bytes")


def malformed(detail: str) -> Problem:
    """The body is not what the route takes; `detail` names the field."""
    return Problem(400, "E-NAP-004", "Malformed request", detail)


def unauthenticated() -> Problem:
    """Whatever is wrong with a credential, the answer is this one: it tells a stranger nothing."""
    return Problem(
        401,
        "E-NAP-005",
        "Not authenticated",
        "The credential is missing, unknown or not valid for this",
        headers=((b"www-authenticate", b"Bearer"),),
    )


def token_required() -> Problem:
    """The key is right, and the project takes keys for tokens alone. Only who has the key is told."""
    return Problem(
        403,
        "E-NAP-018",
        "Token required",
        "This project takes a node's key for tokens alone: ask for one with POST /api/v1/nodes/:id/token",
    )


def name_taken(name: str) -> Problem:
    """A join token that lets a node take the place of another one, which is still there."""
    return Problem(
        409,
        "E-NAP-019",
        "Name in use",
        f"A node called '{name}' reported a moment ago; retire it first if this machine takes its place",
    )


def too_much(hourly: int) -> Problem:
    """The node told more of this kind than is taken in an hour."""
    return Problem(
        429,
        "E-NAP-021",
        "Too much",
        f"Of this kind {hourly} are taken from one node in an hour; send the batch again later",
        headers=((b"retry-after", b"600"),),
    )


def overloaded(seconds: int) -> Problem:
    """More nodes report than can be written down; each is told another moment, so that they come back one by one."""
    return Problem(
        503,
        "E-NAP-060",
        "Overloaded",
        "More nodes wait for the database than may; report again after the time in Retry-After",
        headers=((b"retry-after", b"%d" % seconds),),
    )


def downloaded_enough(seconds: int) -> Problem:
    """The node downloaded more than a node has use for."""
    return Problem(
        429,
        "E-NAP-061",
        "Downloaded enough",
        "This node downloaded more in the last minutes than a node has use for; ask again later",
        headers=((b"retry-after", b"%d" % seconds),),
    )


def token_refused() -> Problem:
    """A join token that is unknown, expired, used up, revoked or of another project: one answer for all."""
    return Problem(401, "E-NAP-006", "Join token refused", "The join token is not valid for this project")


def no_bundle() -> Problem:
    """An absent bundle and one of another project look the same."""
    return Problem(404, "E-NAP-007", "No such bundle", "There is no such bundle for this node")


def no_root() -> Problem:
    """There is no root of this version."""
    return Problem(404, "E-NAP-008", "No such root", "There is no root of this version")


def no_tile() -> Problem:
    """The log has no such tile, or not of this width."""
    return Problem(404, "E-NAP-012", "No such tile", "The log of this organization has no such tile")


def not_ready(detail: str) -> Problem:
    """Something the answer needs is away; a node tries again."""
    return Problem(503, "E-NAP-009", "Not ready", detail, headers=((b"retry-after", b"5"),))


def bad_range(length: int) -> Problem:
    """The range lies outside the blob, or there are several."""
    return Problem(
        416,
        "E-NAP-010",
        "Range not satisfiable",
        "One range inside the bundle is served, in bytes",
        headers=((b"content-range", f"bytes */{length}".encode()),),
    )


def proof_refused() -> Problem:
    """Signature or answer of a registration do not show that the keys are the machine's own."""
    return Problem(
        403,
        "E-NAP-016",
        "Proof refused",
        "The proof does not show that the keys of this registration are your own; ask for a new challenge",
    )


def keys_known() -> Problem:
    """Another registration brought one of these keys."""
    return Problem(
        409, "E-NAP-013", "Keys in use", "Another node registered with one of these keys; make new ones"
    )


def no_sealing_key() -> Problem:
    """A node that registered without keys is given no secrets."""
    return Problem(
        409,
        "E-NAP-014",
        "No sealing key",
        "This node registered without a sealing key, so no secret can be sealed to it; register it again",
    )


def keys_on_their_way() -> Problem:
    """A worker has not wrapped the data keys for this node yet."""
    return Problem(
        503,
        "E-NAP-015",
        "Secrets on their way",
        "The secrets of this bundle are not wrapped for this node yet; ask again",
        headers=((b"retry-after", b"1"),),
    )


def secret_replaced(name: str, version: int) -> Problem:
    """What the object store has is not what the bundle was made with."""
    return Problem(
        409,
        "E-NAP-017",
        "Secret replaced",
        f"Under version {version} of the secret '{name}' the object store has another value than the bundle was "
        "made with",
    )


def failed() -> Problem:
    """We made a mistake; the log of this process has it."""
    return Problem(500, "E-NAP-011", "Internal error", "The node API made a mistake; its log names it")
