"""The attacks that the verifier and nodes are held against, each as what a liar between a node and its control plane
serves, and the code it has to be refused with.

The numbers F1-01 to F1-11 and the names after C1 are those of the threat list in `docs/trust.md`. A liar has keys only
where the name of the attack says that they were stolen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.bundle import archive, canonical, dsse
from reconciler.bundle.leaves import AuditLeaf
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.logged import LogProof
from reconciler.bundle.manifest import MANIFEST
from reconciler.bundle.pointer import PAYLOAD_TYPE, decode_pointer, encode_pointer, peek_pointer, sign_pointer
from reconciler.bundle.root import make_root, sign_root
from reconciler.bundle.statement import PAYLOAD_TYPE as STATEMENT_TYPE
from reconciler.bundle.tiles import Tile
from tests.unit.bundle.paper_log import PaperLog
from tests.unit.node.publishing import DAY, Built, build, build_of, flip, point, signing_key

GOOD = build("127.0.0.1:3000")
"""What the node runs, by a pointer of sequence 5."""

NEXT = build("127.0.0.1:4000")
"""What a new pointer of the control plane would name."""

SEQUENCE = 5


@dataclass(frozen=True)
class Served:
    """What the node is given. `roots` by version; `manner` is how the blob comes."""

    pointer: bytes
    statement: bytes = NEXT.statement
    blob: bytes = NEXT.blob
    cohort: str = "base"
    roots: Mapping[int, bytes] = field(default_factory=dict)
    tiles: Mapping[Tile, bytes] = field(default_factory=dict)
    manner: str = "whole"

    @property
    def root_version(self) -> int:
        """The newest root that the node is told of."""
        return max(self.roots, default=1)


@dataclass(frozen=True)
class Scene:
    """The world of one attack: the time, and the organization's log with the pointer to GOOD in it."""

    now: datetime
    log: PaperLog

    def point(self, built: Built = NEXT, sequence: int = SEQUENCE + 1, **changes: Any) -> bytes:
        """A pointer that is right but for its changes, in the log, signed by the pointer key."""
        return point(built, sequence=sequence, now=self.now, log=self.log, **changes)

    def serve(self, pointer: bytes, **what: Any) -> Served:
        """Everything else is right but for `what`."""
        return Served(pointer, **{"tiles": dict(self.log.tiles), **what})

    def root(self, version: int, *signers: str, **changes: Any) -> bytes:
        """A root that names the keys of the first one, or others for the roles in `changes`."""
        roles = {role: ([role], 1) for role in ("root", "bundle", "pointer")} | changes.pop("roles", {})
        named = {
            role: ([bytes(signing_key(name).verify_key) for name in names], threshold)
            for role, (names, threshold) in roles.items()
        }
        made = make_root(
            version=version, organization="acme", epoch=1, expires=self.now + 365 * DAY, roles=named
        )
        return sign_root(replace(made, **changes), [signing_key(name) for name in signers])


@dataclass(frozen=True)
class Attack:
    """`back` sets the node's clock back. `pure`: the verifier alone refuses it, without a network or a proxy.
    `rooted`: the new root that is shown with it is the organization's own, which the node keeps.
    """

    name: str
    code: str
    serve: Callable[[Scene], Served]
    back: timedelta = timedelta(0)
    pure: bool = True
    rooted: bool = False


def resigned(envelope: bytes, signer: str) -> bytes:
    """The same payload, signed by somebody else."""
    read = dsse.read_envelope(envelope, "it", limit=10**6)
    return dsse.sign(read.payload_type, read.payload, (signing_key(signer),))


def bent(envelope: bytes, part: str) -> bytes:
    """One letter of the payload or of a signature changed."""
    return flip(envelope, envelope.index(f'"{part}":"'.encode()) + 60)


def signatures(envelope: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
    document = json.loads(envelope)
    document["signatures"] = change(document["signatures"])
    return canonical.encode(document)


def changed_sbom() -> Built:
    """A bundle whose SBOM is another than its manifest says."""
    files = dict(archive.unpack(WITH_SBOM.blob))
    return build_of({**files, "sbom.cdx.json": files["sbom.cdx.json"] + b" "}, manifest=files[MANIFEST])


WITH_SBOM = build("127.0.0.1:4100", further={"sbom.cdx.json": b'{"bomFormat":"CycloneDX"}'})
REMOTE = build("127.0.0.1:4200", tls='cert-file "${bundle:plugins/not-here.wasm}"')
ELSEWHERE = build("127.0.0.1:4300", environments=("dev",))
THIEFS = build("127.0.0.1:6666")


def _two(scene: Scene, *signers: str) -> bytes:
    """A pointer for a root that asks for two pointer keys."""
    once = scene.point()
    payload = dsse.read_envelope(once, "it", limit=10**6).payload
    return dsse.sign(PAYLOAD_TYPE, payload, tuple(signing_key(name) for name in signers))


def _of_two(scene: Scene, pointer: Callable[[], bytes]) -> Served:
    """The organization asks for two of its pointer keys since root 2, and the node is shown that root."""
    # The log of such an organization is signed by both too; what is refused here is refused before it is looked at.
    root = scene.root(2, "root", roles={"pointer": (["pointer", "pointer-b"], 2)})
    return scene.serve(pointer(), roots={2: root})


def _revoked(scene: Scene) -> Served:
    root = scene.root(
        2, "root", roles={"pointer": (["pointer-b"], 1)},
        revoked=(dsse.keyid(bytes(signing_key("pointer").verify_key)),),
    )  # fmt: skip
    return scene.serve(scene.point(), roots={2: root})


def _not_in_log(scene: Scene) -> bytes:
    """The thief of the pointer key leaves his pointer out of the log that he cites."""
    honest = peek_pointer(scene.point(), limit=LIMITS.pointer)
    hidden = replace(honest, sequence=SEQUENCE + 2)
    return dsse.sign(PAYLOAD_TYPE, encode_pointer(hidden), (signing_key("pointer"),))


def _unsigned_log(scene: Scene) -> bytes:
    pointer = decode_pointer(dsse.read_envelope(scene.point(), "it", limit=10**6).payload)
    theirs = scene.log.prove(pointer.leaf, [signing_key("somebody")])
    return sign_pointer(
        replace(pointer, log=LogProof(theirs.checkpoint, theirs.index, theirs.proof)), signing_key("pointer")
    )


def _forked(scene: Scene) -> Served:
    """Another log than the one that the node saw, longer and signed: a second history for this node."""
    fork = PaperLog()
    for _ in range(scene.log.edge.size + 3):
        fork.add(AuditLeaf("acme", fork.edge.size, "f" * 64))
    return scene.serve(point(NEXT, sequence=SEQUENCE + 1, now=scene.now, log=fork), tiles=dict(fork.tiles))


def _by_the_thief(scene: Scene, statement: bytes) -> Served:
    return scene.serve(scene.point(THIEFS), statement=statement, blob=THIEFS.blob)


def _year_before(scene: Scene) -> bytes:
    issued = scene.now - 365 * DAY
    return scene.point(issued=issued, expires=issued + DAY)


ATTACKS: tuple[Attack, ...] = (
    Attack("F1-01 tampered pointer", "E-VER-003", lambda s: s.serve(bent(s.point(), "payload"))),
    Attack("F1-01 tampered signature of a pointer", "E-VER-003", lambda s: s.serve(bent(s.point(), "sig"))),
    Attack(
        "F1-01 tampered statement", "E-VER-012",
        lambda s: s.serve(s.point(), statement=bent(NEXT.statement, "payload")),
    ),
    Attack(
        "F1-01 tampered blob", "E-VER-009",
        lambda s: s.serve(s.point(), blob=flip(NEXT.blob, len(NEXT.blob) // 2)),
    ),
    Attack(
        "F1-01 tampered SBOM", "E-VER-009",
        lambda s: s.serve(s.point(WITH_SBOM), statement=WITH_SBOM.statement, blob=changed_sbom().blob),
    ),
    Attack(
        "F1-01 tampered SBOM under a stolen pointer key", "E-VER-011",
        lambda s: s.serve(s.point(changed_sbom()), statement=WITH_SBOM.statement, blob=changed_sbom().blob),
    ),
    Attack("F1-02 older version", "E-VER-005", lambda s: s.serve(s.point(sequence=SEQUENCE - 1))),
    Attack(
        "F1-03 expired pointer", "E-VER-008",
        lambda s: s.serve(s.point(issued=s.now - 2 * DAY, expires=s.now - DAY)),
    ),
    Attack("F1-04 same version, other digest", "E-VER-007", lambda s: s.serve(s.point(sequence=SEQUENCE))),
    Attack("F1-05 huge version", "E-VER-006", lambda s: s.serve(s.point(sequence=2**53 - 1))),
    Attack(
        "F1-05 version beyond the jump", "E-VER-006",
        lambda s: s.serve(s.point(sequence=SEQUENCE + LIMITS.sequence_jump + 1)),
    ),
    Attack("F1-05 bad epoch", "E-VER-005", lambda s: s.serve(s.point(epoch=2))),
    Attack("F1-06 other project", "E-VER-004", lambda s: s.serve(s.point(project="blog"))),
    Attack("F1-06 other environment", "E-VER-004", lambda s: s.serve(s.point(environment="dev"))),
    Attack("F1-06 other cohort", "E-VER-004", lambda s: s.serve(s.point(cohort="next"))),
    Attack("F1-07 one byte more", "E-VER-009", lambda s: s.serve(s.point(), blob=NEXT.blob + b"\0")),
    Attack(
        "F1-07 endless body", "E-VER-009", lambda s: s.serve(s.point(), manner="endless"), pure=False
    ),
    Attack("F1-07 a byte a second", "E-NOD-017", lambda s: s.serve(s.point(), manner="slow"), pure=False),
    Attack(
        "F1-07 root above its cap", "E-VER-001",
        lambda s: s.serve(s.point(), roots={2: s.root(2, "root") + b" " * LIMITS.root}),
    ),
    Attack(
        "F1-08 threshold 2, one key once", "E-VER-003", lambda s: _of_two(s, lambda: _two(s, "pointer")),
        rooted=True,
    ),
    Attack(
        "F1-08 threshold 2, one key twice", "E-VER-014",
        lambda s: _of_two(s, lambda: signatures(_two(s, "pointer"), lambda signed: signed * 2)),
        rooted=True,
    ),
    Attack(
        "F1-08 threshold 2, an unknown key", "E-VER-003",
        lambda s: _of_two(s, lambda: _two(s, "pointer", "somebody")),
        rooted=True,
    ),
    Attack(
        "F1-08 threshold 2, one signature under two names", "E-VER-003",
        lambda s: _of_two(s, lambda: signatures(_two(s, "pointer"), _under_two_names)),
        rooted=True,
    ),
    Attack("F1-08 revoked key", "E-VER-003", _revoked, rooted=True),
    Attack(
        "F1-09 root N+2 without N+1", "E-VER-002", lambda s: s.serve(s.point(), roots={2: s.root(3, "root")})
    ),
    Attack(
        "F1-09 root signed only by new keys", "E-VER-002",
        lambda s: s.serve(s.point(), roots={2: s.root(2, "thief", roles={"root": (["thief"], 1)})}),
    ),
    Attack(
        "F1-09 root signed only by old keys", "E-VER-002",
        lambda s: s.serve(s.point(), roots={2: s.root(2, "root", roles={"root": (["root-2"], 1)})}),
    ),
    Attack(
        "F1-09 root of before once more", "E-VER-002",
        lambda s: s.serve(s.point(), roots={2: s.root(1, "root")}),
    ),
    Attack(
        "F1-10 clock set back a year", "E-VER-008", lambda s: s.serve(_year_before(s)), back=365 * DAY
    ),
    Attack(
        "F1-11 stolen pointer key, his own statement", "E-VER-012",
        lambda s: _by_the_thief(s, resigned(THIEFS.statement, "pointer")),
    ),
    Attack(
        "F1-11 stolen pointer key, the statement of another bundle", "E-VER-012",
        lambda s: _by_the_thief(s, NEXT.statement),
    ),
    Attack(
        "C1 arbitrary installation", "E-VER-003", lambda s: s.serve(resigned(s.point(), "somebody"))
    ),
    Attack(
        "C1 arbitrary installation, nobody signed", "E-VER-003",
        lambda s: s.serve(signatures(s.point(), lambda signed: [])),
    ),
    Attack(
        "C1 arbitrary installation, a statement for a pointer", "E-VER-003",
        lambda s: s.serve(dsse.sign(STATEMENT_TYPE, b"{}", (signing_key("pointer"),))),
    ),
    Attack(
        "C1 mix-and-match, a blob of before", "E-VER-009", lambda s: s.serve(s.point(), blob=GOOD.blob)
    ),
    Attack(
        "C1 mix-and-match, a statement of before", "E-VER-012",
        lambda s: s.serve(s.point(), statement=GOOD.statement),
    ),
    Attack(
        "C1 extraneous dependency, a file that no manifest lists", "E-VER-011",
        lambda s: s.serve(s.point(_extra()), statement=_extra().statement, blob=_extra().blob),
    ),
    Attack(
        "C1 extraneous dependency, a file that the bundle does not hold", "E-NOD-053",
        lambda s: s.serve(s.point(REMOTE), statement=REMOTE.statement, blob=REMOTE.blob),
        pure=False,
    ),
    Attack(
        "C1 wrong target, a bundle without this environment", "E-NOD-015",
        lambda s: s.serve(s.point(ELSEWHERE), statement=ELSEWHERE.statement, blob=ELSEWHERE.blob),
        pure=False,
    ),
    Attack(
        "C1 key compromise, the bundle key points", "E-VER-003", lambda s: s.serve(resigned(s.point(), "bundle"))
    ),
    Attack(
        "C1 key compromise, the pointer key names keys", "E-VER-002",
        lambda s: s.serve(s.point(), roots={2: s.root(2, "pointer", roles={"root": (["pointer"], 1)})}),
    ),
    Attack("C1 equivocation, another log for one node", "E-VER-016", _forked),
    Attack("C1 equivocation, a pointer in no log", "E-VER-017", lambda s: s.serve(_not_in_log(s))),
    Attack("C1 equivocation, a log that nobody signed", "E-VER-015", lambda s: s.serve(_unsigned_log(s))),
)  # fmt: skip


def _under_two_names(signed: list[Any]) -> list[Any]:
    other = dsse.keyid(bytes(signing_key("pointer-b").verify_key))
    both = [*signed, {"keyid": other, "sig": signed[0]["sig"]}]
    return sorted(both, key=lambda signature: str(signature["keyid"]))


def _extra() -> Built:
    """A bundle with a file more than its manifest lists."""
    files = dict(archive.unpack(NEXT.blob))
    return build_of({**files, "plugins/extra.wasm": b"\0asm"}, manifest=files[MANIFEST])
