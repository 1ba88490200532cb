"""Pins: nodes that are kept on a digest of their own. As people wish them, and as the ledger has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from reconciler.config.kdl import KdlNode
from reconciler.config.write import write_document
from reconciler.fleet.cohorts import PinnedNodes
from reconciler.fleet.selecting import read_selector
from reconciler.release.document import (
    MalformedError,
    argument,
    child_moment,
    child_selector,
    child_text,
    leaf,
    moment,
    only,
    optional,
    read_nodes,
    single,
    text,
    words,
)
from reconciler.release.paths import DIGEST, HOLD_NAME

NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MOST_NODES = 50
"""Nodes that one pin names. More are meant by a selector."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The wish `pins/<name>.kdl`: the nodes that match `nodes` (a selector's canonical text), or that `ids` name, run
    `digest`, until `until` or until the file is deleted. `digest` is "" when the file cannot be read."""

    name: str
    digest: str
    nodes: str = ""
    ids: tuple[str, ...] = ()
    owner: str = ""
    reason: str = ""
    until: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it holds at that moment."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Standing:
    """A pin that was admitted at `since`. `meant` is what its selector meant then, without groups."""

    pin: Pin
    meant: str
    since: datetime

    @property
    def nodes(self) -> PinnedNodes:
        """The same as the node API needs it."""
        chosen = read_selector(self.meant) if self.meant else None
        return PinnedNodes(self.pin.name, self.pin.digest, chosen, self.pin.ids)

    @property
    def effect(self) -> tuple[str, str, str, tuple[str, ...]]:
        """What of it decides what nodes run."""
        return self.pin.name, self.pin.digest, self.meant, self.pin.ids


def read_pin(content: bytes, path: str) -> Pin:
    """Raises `MalformedError`."""
    node = single(read_nodes(content, path, {"pin"}), "pin", path)
    only(node.children, {"nodes", "node", "owner", "reason", "until"}, path)
    name = path.rpartition("/")[2].removesuffix(".kdl")
    if HOLD_NAME.fullmatch(name) is None:
        raise MalformedError(f"{path}: a pin is named by lower-case letters, digits and hyphens, at most 63")
    pin = Pin(
        name,
        argument(node, path, DIGEST),
        child_selector(node, "nodes", path),
        _ids(node, path),
        child_text(node, "owner", path),
        child_text(node, "reason", path),
        child_moment(node, "until", path),
    )
    if bool(pin.nodes) == bool(pin.ids):
        raise MalformedError(f"{path}: a pin takes either 'nodes' with a selector, or 'node' with ids")
    return pin


def render_pin(pin: Pin) -> bytes:
    """`pins/<name>.kdl`."""
    return write_document([KdlNode("pin", (pin.digest,), children=_children(pin))]).encode()


def read_standing(node: KdlNode, path: str) -> Standing:
    """A pin of the ledger. Raises `MalformedError`."""
    only(node.children, {"digest", "nodes", "node", "meant", "since", "owner", "reason", "until"}, path)
    since = child_moment(node, "since", path)
    if since is None:
        raise MalformedError(f"{path}: the pin has no 'since'")
    pin = Pin(
        argument(node, path, HOLD_NAME),
        argument(single(node.children, "digest", path), path, DIGEST),
        child_selector(node, "nodes", path),
        _ids(node, path),
        child_text(node, "owner", path),
        child_text(node, "reason", path),
        child_moment(node, "until", path),
    )
    return Standing(pin, child_selector(node, "meant", path), since)


def standing_node(standing: Standing, name: str = "pin") -> KdlNode:
    """The form in the ledger; a plan has those that stood when it was made as `apart`."""
    children = (
        leaf("digest", standing.pin.digest),
        *words("meant", standing.meant),
        *moment("since", standing.since),
        *_children(standing.pin),
    )
    return KdlNode(name, (standing.pin.name,), children=children)


def _children(pin: Pin) -> tuple[KdlNode, ...]:
    return (
        *words("nodes", pin.nodes),
        *((KdlNode("node", pin.ids),) if pin.ids else ()),
        *words("owner", pin.owner),
        *words("reason", pin.reason),
        *moment("until", pin.until),
    )


def _ids(node: KdlNode, path: str) -> tuple[str, ...]:
    found = optional(node.children, "node", path)
    if found is None:
        return ()
    if not 1 <= len(found.arguments) <= MOST_NODES:
        raise MalformedError(f"{path}: 'node' takes 1 to {MOST_NODES} ids; a selector means any number")
    return tuple(sorted({text(one, f"{path}: 'node'", NODE_ID) for one in found.arguments}))
