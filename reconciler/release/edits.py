"""What an action becomes: the files, the subject and the trailers of one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.release import paths
from reconciler.release.render import render_rollout
from reconciler.release.state import EnvironmentState, Ledger, Progress, Rollout

LONGEST = 1000
"""Reasons in files are cut here; a subject line never holds one."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One commit. `files` maps a path to its new bytes, or None to remove it; `event` is a static name.

    `rollout` and `digest` are "" when the commit is about none.
    """

    files: Mapping[str, bytes | None]
    subject: str
    event: str
    rollout: str = ""
    digest: str = ""
    said: tuple[tuple[str, str], ...] = ()
    """More trailers of the commit, by name."""


@dataclass(frozen=True, slots=True)
class Material:
    """What an action needs besides the state.

    `rendered` is the proxy configuration of the digest that `wanted_config` names, None to leave the file alone.
    `originals` are the ledger files as we wrote them last, a missing one being absent.
    """

    rendered: bytes | None = None
    originals: Mapping[str, bytes] = field(default_factory=dict)


def ledger_of(state: EnvironmentState) -> Ledger:
    """The ledger as it stands before the action."""
    return state.files.ledger or Ledger()


def open_of(state: EnvironmentState) -> Rollout:
    """The open rollout. Raises RuntimeError when there is none."""
    rollout = ledger_of(state).open_rollout
    if rollout is None:
        raise RuntimeError("the action needs an open rollout")
    return rollout


def active_of(rollout: Rollout) -> Progress:
    """Its active step. Raises RuntimeError when there is none."""
    active = rollout.active
    if active is None:
        raise RuntimeError(f"rollout {rollout.name} has no active step")
    return active


def with_step(steps: tuple[Progress, ...], step: Progress) -> tuple[Progress, ...]:
    """The steps with this one in the place of the one with its number."""
    return tuple(step if found.number == step.number else found for found in steps)


def without_hold(state: EnvironmentState, rollout: Rollout) -> dict[str, bytes | None]:
    """The removal of the hold that a failed rollout wrote for itself: it ends with the rollout."""
    own = any(hold.name == rollout.name for hold in state.files.holds)
    return {paths.hold_path(rollout.name): None} if own else {}


def written(
    state: EnvironmentState,
    ledger: Ledger,
    subject: str,
    event: str,
    material: Material,
    *,
    config: str | None = None,
) -> Edit:
    """The commit of a changed ledger. `config` is the digest whose configuration belongs in `rendered/` then, None when
    that does not change."""
    files: dict[str, bytes | None] = {paths.ROLLOUT: render_rollout(ledger)}
    if material.rendered is not None:
        files[paths.RENDERED] = material.rendered
    elif config == "":
        files[paths.RENDERED] = None
    rollout = ledger.rollout
    name, digest = (rollout.name, rollout.digest) if rollout is not None else ("", "")
    return Edit(files, subject, event, name, digest)
