"""Where things stand on an environment branch, and who owns them."""

from __future__ import annotations

import re

RELEASE = "release.kdl"
HOLDS = "holds"
QUARANTINE = "quarantine"
APPROVALS = "approvals"
PROPOSAL = "proposal.kdl"
GATES = "gates"
PINS = "pins"
PROMOTED = "promoted.kdl"
PLAN = "plan.kdl"
ROLLOUT = "rollout.kdl"
RENDERED = "rendered/sentinel.kdl"
README = "README.md"
PROMOTIONS = "promote"
"""Of the branches that ask for promotions, beside `env`."""

LEDGER = (PROPOSAL, PROMOTED, PLAN, ROLLOUT, RENDERED)
WISH_FOLDERS = (HOLDS, QUARANTINE, GATES, PINS)

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HOLD_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
QUARANTINE_NAME = re.compile(r"[0-9a-f]{12}")
GO_NAME = re.compile(r"(r-[0-9]{4,9})-([1-9][0-9]{0,4})")


def hold_path(name: str) -> str:
    """Path of a hold. ValueError for a name that is not lower-case letters, digits and hyphens, at most 63."""
    if HOLD_NAME.fullmatch(name) is None:
        raise ValueError(
            f"'{name}' is not a name for a hold: lower-case letters, digits and hyphens, at most 63"
        )
    return f"{HOLDS}/{name}.kdl"


def pin_path(name: str) -> str:
    """Path of a pin. ValueError for a name that is not lower-case letters, digits and hyphens, at most 63."""
    if HOLD_NAME.fullmatch(name) is None:
        raise ValueError(
            f"'{name}' is not a name for a pin: lower-case letters, digits and hyphens, at most 63"
        )
    return f"{PINS}/{name}.kdl"


def quarantine_path(digest: str) -> str:
    """Path of the quarantine of a digest (`sha256:` and 64 hex digits; ValueError for anything else)."""
    if DIGEST.fullmatch(digest) is None:
        raise ValueError(f"'{digest}' is not a digest")
    return f"{QUARANTINE}/{digest.removeprefix('sha256:')[:12]}.kdl"


def ballot_folder(digest: str) -> str:
    """Where the words of people on a digest stand."""
    return f"{APPROVALS}/{short(digest)}"


def ballot_path(digest: str, person: str) -> str:
    """Path of one person's word on a digest."""
    return f"{ballot_folder(digest)}/{person}.kdl"


def go_path(rollout: str, step: int) -> str:
    """Path of a person's go for a step. ValueError unless they look like a rollout's name and a step's number."""
    if GO_NAME.fullmatch(f"{rollout}-{step}") is None:
        raise ValueError(f"'{rollout}' step {step} is no step of a rollout")
    return f"{GATES}/{rollout}-{step}.kdl"


def short(digest: str) -> str:
    """A digest as people read it: the first 12 hex digits."""
    return digest.removeprefix("sha256:")[:12]
