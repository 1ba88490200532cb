"""The Merkle tree of RFC 6962 and RFC 9162: roots, inclusion and consistency proofs, and their verification.

A complete subtree is named by (level, index): it covers the leaves from `index << level` to `(index + 1) << level`.
Whoever makes proofs hands in a function that knows the roots of complete subtrees (`tiles` has one).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence

HASH_SIZE = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

LONGEST_PROOF = 64
"""Hashes: a tree of 2^53 leaves needs at most 54."""

Nodes = Callable[[int, int], bytes]
"""(level, index) → root of that complete subtree."""

Span = tuple[int, int]
"""Leaves from the first number up to and without the second."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf. Leaves and nodes are told apart by their first byte, so that neither passes for the other."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(subtrees: Iterable[bytes]) -> bytes:
    """The root over neighbouring complete subtrees, each smaller than the one before it; `EMPTY` over none."""
    root = None
    for subtree in reversed(list(subtrees)):
        root = subtree if root is None else node_hash(subtree, root)
    return EMPTY if root is None else root


def cover(span: Span) -> list[tuple[int, int]]:
    """The complete subtrees that make up a span as proofs name them, from left to right."""
    start, end = span
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def root_of(nodes: Nodes, span: Span) -> bytes:
    """The root over a span that begins at 0, or that a proof names."""
    return fold(nodes(level, index) for level, index in cover(span))


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose roots prove that leaf `index` is in the tree of `size` leaves, from the leaf upwards.

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end = 0, size
    found: list[Span] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The spans whose roots prove that the tree of `old` leaves begins the tree of `new` leaves.

    Raises ValueError when `old` is more than `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not extend one of {old}")
    if old == 0:
        return []
    start, end, known = 0, new, True
    found: list[Span] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, known = middle, False
    if not known:
        found.append((start, end))
    return found[::-1]


def prove_inclusion(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """The inclusion proof of one leaf."""
    return tuple(root_of(nodes, span) for span in inclusion_spans(index, size))


def prove_consistency(nodes: Nodes, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves extends that of `old`."""
    return tuple(root_of(nodes, span) for span in consistency_spans(old, new))


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf of hash `leaf` stands at `index` below `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _is_proof((leaf, *proof, root)):
        return False
    first, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = node_hash(sibling, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, root)


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree under `new_root` begins with that under `old_root` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new or not _is_proof((old_root, *proof, new_root)):
        return False
    if old in (0, new):
        same = EMPTY if old == 0 else new_root
        return not proof and hmac.compare_digest(old_root, same) and (new > 0 or new_root == EMPTY)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not proof:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and hmac.compare_digest(before, old_root) and hmac.compare_digest(after, new_root)


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _is_proof(hashes: Sequence[bytes]) -> bool:
    return len(hashes) <= LONGEST_PROOF + 2 and all(len(value) == HASH_SIZE for value in hashes)
