"""The numbered checks of the verifier, as data: what commands print, what the pages say, in the order of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `title` names it in two or three words, `rule` is what has to hold, `codes` are its own refusals.

    A document that cannot be read (E-VER-013, E-VER-014), or a surprise (E-VER-099), fails the check under way.
    """

    number: int
    title: str
    rule: str
    codes: tuple[str, ...]


SIZE_CAPS, ROOT_CHAIN, POINTER_SIGNATURE, AUDIENCE, SEQUENCE, NOT_EXPIRED = range(1, 7)
LOG, BLOB, UNPACK, TAR, STATEMENT = range(7, 12)

CHECKS: tuple[Check, ...] = (
    Check(
        SIZE_CAPS,
        "Size caps",
        "root, pointer, blob and statement are no larger than what is read",
        ("E-VER-001",),
    ),
    Check(
        ROOT_CHAIN,
        "Root chain",
        "version by version, one organization, no lower epoch, signed by the threshold of the root before and its own",
        ("E-VER-002",),
    ),
    Check(
        POINTER_SIGNATURE,
        "Pointer signature",
        "the pointer is signed by the pointer role of that root",
        ("E-VER-003",),
    ),
    Check(
        AUDIENCE,
        "Audience",
        "the pointer names this organization, project, environment and cohort",
        ("E-VER-004",),
    ),
    Check(
        SEQUENCE,
        "Sequence",
        "the root's epoch, (epoch, sequence) not lower than seen, no jump; an equal one in a cohort names one bundle",
        ("E-VER-005", "E-VER-006", "E-VER-007"),
    ),
    Check(
        NOT_EXPIRED,
        "Not expired",
        "neither pointer nor root, by the later of the clock and the last pointer seen",
        ("E-VER-008",),
    ),
    Check(
        LOG,
        "Log",
        "the checkpoint is signed by the pointer role, has the pointer as an entry, and extends the one seen before",
        ("E-VER-015", "E-VER-016", "E-VER-017"),
    ),
    Check(BLOB, "Length and digest of the blob", "exactly those that are signed", ("E-VER-009",)),
    Check(UNPACK, "Bounded unpack", "the blob unpacks to exactly the promised length", ("E-VER-010",)),
    Check(
        TAR,
        "Digest of the tar",
        "the digest that is signed, then the one possible form, then every file as its manifest says",
        ("E-VER-011",),
    ),
    Check(
        STATEMENT,
        "Statement",
        "the statement is signed by the bundle role of that root, and about this bundle",
        ("E-VER-012",),
    ),
)

_OWN = {code: check.number for check in CHECKS for code in check.codes}


def failed_check(code: str, under_way: int) -> int:
    """The number of the check that a refusal belongs to: the one that owns its code, or else the one under way."""
    return _OWN.get(code, under_way)


def render_checks() -> str:
    """The table of a page about them, in Markdown."""
    rows = "\n".join(
        f"| {check.number} | {check.title} | {check.rule} | {', '.join(check.codes)} |" for check in CHECKS
    )
    return f"| check | | what has to hold | refused with |\n|---|---|---|---|\n{rows}\n"
