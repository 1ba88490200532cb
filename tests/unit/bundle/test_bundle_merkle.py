"""The Merkle tree against published vectors, and against the definition of RFC 6962 around powers of two."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from reconciler.bundle import merkle
from reconciler.bundle.tiles import Edge, Tile, nodes_from, number_path, tiles_of

# The leaves, roots and proofs that the reference implementations of Certificate Transparency test against.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [
    (0, 1, []),
    (0, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (5, 8, [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
]  # fmt: skip
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]),
    (6, 8, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]),
    (2, 5, [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]),
]  # fmt: skip
SMALL = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33]
LARGE = [255, 256, 257, 511, 513, 65_535, 65_536, 65_537]


def defined(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()


def entries(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def slow_nodes(leaves: list[bytes]) -> merkle.Nodes:
    return lambda level, index: defined(leaves[index << level : (index + 1) << level])


def grown(leaves: list[bytes]) -> tuple[Edge, dict[Tile, bytes]]:
    """The edge after these leaves, and every tile there is."""
    edge, tiles = Edge(), {}
    for leaf in leaves:
        tiles.update(edge.append(merkle.leaf_hash(leaf)))
    return edge, tiles | dict(edge.partials())


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots(size: int) -> None:
    edge, _ = grown(LEAVES[:size])
    assert edge.root().hex() == ROOTS[size - 1]
    assert merkle.root_of(slow_nodes(LEAVES), (0, size)).hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Edge().root() == merkle.EMPTY == defined([])


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_the_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    made = merkle.prove_inclusion(slow_nodes(LEAVES), index, size)
    assert [value.hex() for value in made] == proof
    assert merkle.includes(merkle.leaf_hash(LEAVES[index]), index, size, made, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_the_published_consistency_proofs(old: int, new: int, proof: list[str]) -> None:
    made = merkle.prove_consistency(slow_nodes(LEAVES), old, new)
    assert [value.hex() for value in made] == proof
    assert merkle.extends(old, bytes.fromhex(ROOTS[old - 1]), new, bytes.fromhex(ROOTS[new - 1]), made)


@pytest.mark.parametrize("size", SMALL)
def test_every_inclusion_proof_of_a_size_and_every_bit_of_it(size: int) -> None:
    leaves = entries(size)
    root = defined(leaves)
    for index in range(size):
        leaf = merkle.leaf_hash(leaves[index])
        proof = merkle.prove_inclusion(slow_nodes(leaves), index, size)
        assert merkle.includes(leaf, index, size, proof, root)
        assert not merkle.includes(leaf, index, size, (*proof, root), root)
        assert not any(
            merkle.includes(leaf, other, size, proof, root) for other in range(size) if other != index
        )
        if proof:
            assert not merkle.includes(leaf, index, size, proof[:-1], root)
        for wrong in flips([leaf, *proof, root]):
            assert not merkle.includes(wrong[0], index, size, wrong[1:-1], wrong[-1])


@pytest.mark.parametrize("new", SMALL)
def test_every_consistency_proof_of_a_size_and_every_bit_of_it(new: int) -> None:
    leaves = entries(new)
    roots = [defined(leaves[:size]) for size in range(new + 1)]
    for old in range(new + 1):
        proof = merkle.prove_consistency(slow_nodes(leaves), old, new)
        assert merkle.extends(old, roots[old], new, roots[new], proof)
        assert not merkle.extends(old, roots[old], new, roots[new], (*proof, roots[new]))
        assert not merkle.extends(new, roots[new], old, roots[old], proof) or old == new
        if proof:
            assert not merkle.extends(old, roots[old], new, roots[new], proof[:-1])
        # Of the empty log nothing is known, so any later one extends it: only its own root is held to.
        for wrong in flips([roots[old], *proof, *([roots[new]] if old else [])]):
            last = wrong[-1] if old else roots[new]
            middle = wrong[1:-1] if old else wrong[1:]
            assert not merkle.extends(old, wrong[0], new, last, middle)


def flips(hashes: list[bytes]) -> list[list[bytes]]:
    """One bit of each byte of each hash is flipped, another bit in each."""
    found = []
    for at, value in enumerate(hashes):
        for byte in range(0, len(value), 5):
            changed = bytearray(value)
            changed[byte] ^= 1 << (byte % 8)
            found.append([*hashes[:at], bytes(changed), *hashes[at + 1 :]])
    return found


@pytest.mark.parametrize("old", [3, 4, 6])
def test_a_forked_tree_does_not_extend(old: int) -> None:
    honest, forked = entries(9), [*entries(2), b"forged", *entries(9)[3:]]
    proof = merkle.prove_consistency(slow_nodes(forked), old, 9)
    assert not merkle.extends(old, defined(honest[:old]), 9, defined(forked), proof)


@pytest.mark.parametrize(
    "call", [lambda: merkle.inclusion_spans(3, 3), lambda: merkle.consistency_spans(4, 3)]
)
def test_a_proof_of_what_is_not_there_is_not_made(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="tree"):
        call()


def test_hashes_of_another_length_prove_nothing() -> None:
    assert not merkle.includes(b"short", 0, 1, (), b"short")
    assert not merkle.extends(1, b"short", 1, b"short", ())


@pytest.mark.parametrize("size", [*SMALL[1:], *LARGE[:5]])
def test_the_edge_has_the_root_of_the_definition(size: int) -> None:
    edge, _ = grown(entries(size))
    assert (edge.size, edge.root()) == (size, defined(entries(size)))


@pytest.mark.parametrize("size", LARGE)
def test_proofs_are_made_from_the_few_tiles_they_name(size: int) -> None:
    leaves = entries(size)
    edge, tiles = grown(leaves)
    root = edge.root()
    for index in (0, size // 2, size - 1):
        needed = tiles_of(merkle.inclusion_spans(index, size), size)
        assert len(needed) <= 4
        nodes = nodes_from({tile: tiles[tile] for tile in needed}, size)
        proof = merkle.prove_inclusion(nodes, index, size)
        assert merkle.includes(merkle.leaf_hash(leaves[index]), index, size, proof, root)
    for old in (1, size // 3, size - 1):
        needed = tiles_of(merkle.consistency_spans(old, size), size)
        assert len(needed) <= 4
        nodes = nodes_from({tile: tiles[tile] for tile in needed}, size)
        before, _ = grown(leaves[:old])
        assert merkle.extends(old, before.root(), size, root, merkle.prove_consistency(nodes, old, size))


def test_the_edge_stays_small() -> None:
    edge, _ = grown(entries(65_535 + 255))
    assert [len(row) // 32 for row in edge.rows] == [254, 0, 1]
    assert len(edge.partials()) == 2


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_tiles_lie_where_standard_tools_look(number: int, path: str) -> None:
    assert number_path(number) == path
    assert Tile(1, number).path == f"tile/1/{path}"
    assert Tile(0, number, 5).path == f"tile/0/{path}.p/5"
