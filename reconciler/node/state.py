"""What a node remembers, and its JSON form. Reading is strict: a damaged file is reported, never guessed at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from reconciler.clock import parse_iso
from reconciler.errors import Stalled
from reconciler.node.keys import NodeKeys
from reconciler.pinned import Pinned

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this node is, written at registration. `root` is the first root envelope, as JSON text.

    `key` is what the control plane gave, or what the node put in its place; `next_key`, unless it is empty, is one that
    the control plane may know already. `keys` are the node's own, whose private halves never leave it.
    """

    id: str
    key: str = field(repr=False)
    organization: str
    project: str
    environment: str
    name: str
    root: str = field(repr=False)
    poll_seconds: float
    keys: NodeKeys
    next_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """The highest pointer that was activated. `issued` and `expires` are RFC 3339."""

    epoch: int
    sequence: int
    digest: str
    cohort: str
    issued: str
    expires: str


@dataclass(frozen=True, slots=True)
class Active:
    """The bundle that was activated last: the last known good one.

    `rendering` names what it was rendered to, empty when the proxy reads the staged file itself; `inputs` and `secrets`
    are those of `reconciler.node.rendering.Plan`.
    """

    digest: str
    config_id: str
    restart_key: str
    etag: str
    cohort: str
    activated_at: str
    rendering: str
    inputs: Mapping[str, str]
    secrets: Mapping[str, Pinned]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last *no*, with its code and sentence. `etag`, `tries` and `again_at` say when it may be offered again."""

    code: str
    message: str
    digest: str
    sequence: int
    at: str
    etag: str
    tries: int
    again_at: str

    def waits(self, now: datetime) -> bool:
        """Whether it is too early to look at the offer again. A clock that went back to before it does not count."""
        return parse_iso(self.at) <= now < parse_iso(self.again_at)

    def report(self) -> dict[str, Any]:
        """The part that goes into a heartbeat."""
        return {
            "code": self.code,
            "message": self.message,
            "digest": self.digest,
            "sequence": self.sequence,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class Held:
    """The node went back from `left` to `digest`: `left` is not taken again before `until`.

    `order` names the operator's order, empty where the node did it by itself; `because` is the reason.
    """

    order: str
    left: str
    digest: str
    at: str
    until: str
    because: str


@dataclass(frozen=True, slots=True)
class SeenLog:
    """The newest checkpoint of the log that was believed, as it was signed, and the epoch it was signed under."""

    epoch: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class NodeState:
    """Everything but who the node is. `previous` is the digest to go back to by hand; `delivered` was staged last.

    `log` is kept as soon as it was verified, whether or not the bundle was activated then. `weight` is what to publish
    while something is active: that of the last verified pointer, where it is higher only once its bundle runs.
    """

    root: str = field(repr=False)
    trust: Trust | None = None
    active: Active | None = None
    previous: str = ""
    delivered: str = ""
    refusal: Refusal | None = None
    log: SeenLog | None = None
    held: Held | None = None
    weight: int = 100


def encode_identity(identity: Identity) -> bytes:
    """The file `identity.json`."""
    return _encode(asdict(identity))


def decode_identity(data: bytes, where: str) -> Identity:
    """Read `identity.json`. Raises `Stalled` that names the file."""
    document = _decode(data, where)
    document["keys"] = _build(NodeKeys, document.get("keys"), where)
    return _build(Identity, document, where)


def encode_state(state: NodeState) -> bytes:
    """The file `state.json`."""
    return _encode(asdict(state))


def decode_state(data: bytes, where: str) -> NodeState:
    """Read `state.json`. Raises `Stalled` that names the file."""
    document = _decode(data, where)
    for name, kind in (
        ("trust", Trust),
        ("active", Active),
        ("refusal", Refusal),
        ("log", SeenLog),
        ("held", Held),
    ):
        if document.get(name) is not None:
            document[name] = _build(kind, document[name], where)
    if document.get("active") is not None:
        active = document["active"]
        document["active"] = replace(active, secrets=_pinned(active.secrets, where))
    return _build(NodeState, document, where)


def _pinned(document: Any, where: str) -> dict[str, Pinned]:
    try:
        return {name: Pinned.from_json(item) for name, item in document.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _damaged(where, "its secrets are not named by version and digest") from None


def _encode(document: dict[str, Any]) -> bytes:
    return (json.dumps({"version": 1, **document}, indent=1, sort_keys=True) + "\n").encode()


def _decode(data: bytes, where: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or document.pop("version", None) != 1:
            raise ValueError("it is not version 1 of this file")
    except (ValueError, RecursionError) as error:
        raise _damaged(where, str(error)) from None
    return document


def _build(kind: type[T], document: Any, where: str) -> T:
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(document, dict) or set(document) != names:
        raise _damaged(
            where, f"{kind.__name__.lower()} does not have exactly the fields {', '.join(sorted(names))}"
        )
    return kind(**document)


def _damaged(where: str, words: str) -> Stalled:
    return Stalled(
        "E-NOD-001",
        f"{where} is damaged: {words}",
        cure="Restore the file, or empty the node's home and register it again with a join token",
    )
