"""What can be done to an environment. Each action is one commit; `apply` says which."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.release.ballot import Proposal
from reconciler.release.pins import Standing
from reconciler.release.state import Judgement, Plan, Promoted, Release


@dataclass(frozen=True, slots=True)
class CreateBranch:
    """Write the first ledger of an environment."""


@dataclass(frozen=True, slots=True)
class RestoreLedger:
    """Put back ledger files that somebody else changed."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Sign the ledger with today's commit key, so that the one which signed it last counts no more."""


@dataclass(frozen=True, slots=True)
class Promote:
    """Make a bundle the wish, without anybody's asking. `skipped` are the trunk commits that it overtakes."""

    release: Release
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteTaken:
    """Write down what automatic promotion had proposed and people have merged, so that it is not proposed again."""

    promoted: Promoted
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Propose:
    """Say which plan the wish would be rolled out by, so that people can approve it. `before` is the hash of the plan
    that was proposed for the same bundle and does not hold any more, or ""."""

    proposal: Proposal
    before: str = ""


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """Begin to move the first step's nodes to the wish."""

    release: Release
    plan: Plan


@dataclass(frozen=True, slots=True)
class ChangePins:
    """Keep the nodes of these pins on their digests, and no others."""

    pins: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class AdvanceStep:
    """Call the active step done and begin the next one."""

    verdicts: tuple[Judgement, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Complete:
    """Call the last step done: the digest is live, or, with a target, runs where it was meant to."""

    verdicts: tuple[Judgement, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Pause:
    """Stand still. `hold` is the reason of the hold that is written, or "" when a person's wish is what holds.

    With a hold the active step has failed.
    """

    because: str
    hold: str = ""
    verdicts: tuple[Judgement, ...] = ()
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on; the active step's clock starts again."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """End the rollout, quarantine its digest and let every node go back. `release` None leaves the wish as it is."""

    because: str
    release: Release | None
    verdicts: tuple[Judgement, ...] = ()
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class TurnBack:
    """Give the traffic back to the slot that it came from, before the rollout ends: the next `phase` of the way, one of
    `swap.PHASES`. `cause` is one of `swap.CAUSES`."""

    because: str
    phase: str
    cause: str
    verdicts: tuple[Judgement, ...] = ()
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Supersede:
    """End the rollout because the wish names another digest now. `back` when that is the live one."""

    because: str
    back: bool


@dataclass(frozen=True, slots=True)
class Reissue:
    """Issue the pointer of what is live again, so that nodes try once more what they refused. `nodes` drift."""

    nodes: int


Action = (
    CreateBranch
    | RestoreLedger
    | TakeOver
    | Promote
    | NoteTaken
    | Propose
    | OpenRollout
    | ChangePins
    | AdvanceStep
    | Complete
    | Pause
    | Resume
    | RollBack
    | Supersede
    | TurnBack
    | Reissue
)
