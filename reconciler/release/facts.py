"""What `decide` is told of the world, as data that can be kept and replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from reconciler.clock import iso_milliseconds, parse_iso
from reconciler.fleet.batches import Batch, Outdated, StepWindow
from reconciler.release.signals import StepSignals
from reconciler.release.state import Completed, Ledger, Quarantine, Reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TrunkCommit:
    """A commit of trunk that compiled. `by` is its author as `Name <mail>`, `at` when it was seen."""

    sha: str
    digest: str
    subject: str = ""
    by: str = ""
    at: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Run:
    """A time in which a completed digest was live in an environment. `until` None: it still is."""

    digest: str
    commit: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """Who a file in `approvals/` is of: every name of the person who is known to have put it there, in `commit`.

    Without names `how` says why nobody is known to have done so, with names what it is known by.
    """

    names: tuple[str, ...]
    how: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A promotion that is a pull request and has not ended. `rejected`: people have closed it."""

    digest: str
    rejected: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is not on the branch itself.

    `trunk`: the compiled commits after the one that automatic promotion took last, the newest first.
    `bundles`: of each known digest that matters, whether it contains this environment; an unknown one is missing.
    `removed`: those of them whose bytes are not kept any more.
    `predecessors`: the completed digests of each environment that this one comes after; a missing name is unknown.
    `forbidden`: of each of them the digests that matter here and are quarantined there, and why.
    `runs`: of each predecessor what was live there, the newest first; only where promotion is automatic.
    `policy_commit`: the trunk commit that the policy is of. `proofs`: by its path, whose word each approval is.
    `promoters`: every name of whoever committed the wish. `authors`: every name of those who wrote or committed what
    the wish brings; None when that is not known, and then `unknown_authors` says why.
    `batches`: counts for each step of the open rollout. `ranks`: by failure domain the sorted ranks for the rollout
    that would open next, empty when none may. `left_out`: how many nodes the open rollout is not for.
    `returned`: the nodes that get the good bundle back before the traffic returns to them, None when nobody waits for
    it. `signals`: what was measured of the active step, None when no gate of it measures.
    `drifting`: how many nodes run something else than what is live although nothing holds them, 0 when nothing is done
    about it. `outdated`: who is left out because of the version of a proxy or an
    agent. `pending`: the promotions that are pull requests, where policy asks for them.
    """

    trunk: tuple[TrunkCommit, ...] = ()
    bundles: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    removed: tuple[str, ...] = ()
    predecessors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    forbidden: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=lambda: MappingProxyType({}))
    policy_commit: str = ""
    proofs: Mapping[str, Proof] = field(default_factory=lambda: MappingProxyType({}))
    promoters: tuple[str, ...] = ()
    authors: tuple[str, ...] | None = ()
    unknown_authors: str = ""
    batches: tuple[Batch, ...] = ()
    ranks: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    left_out: int = 0
    signals: StepSignals | None = None
    returned: Batch | None = None
    drifting: int = 0
    outdated: tuple[Outdated, ...] = ()
    pending: tuple[Pending, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object without floats."""
        return {
            "trunk": [{**asdict(commit), "at": iso_milliseconds(commit.at)} for commit in self.trunk],
            "bundles": dict(sorted(self.bundles.items())),
            "removed": list(self.removed),
            "predecessors": {name: list(found) for name, found in sorted(self.predecessors.items())},
            "forbidden": {name: dict(sorted(why.items())) for name, why in sorted(self.forbidden.items())},
            "runs": {name: [_run_to_json(run) for run in runs] for name, runs in sorted(self.runs.items())},
            "policy_commit": self.policy_commit,
            "proofs": {path: _proof_to_json(proof) for path, proof in sorted(self.proofs.items())},
            "promoters": list(self.promoters),
            "authors": None if self.authors is None else list(self.authors),
            "unknown_authors": self.unknown_authors,
            "batches": [_batch_to_json(batch) for batch in self.batches],
            "ranks": {domain: list(ranks) for domain, ranks in sorted(self.ranks.items())},
            "left_out": self.left_out,
            "drifting": self.drifting,
            "outdated": [{**asdict(one), "examples": list(one.examples)} for one in self.outdated],
            "pending": [asdict(one) for one in self.pending],
            "returned": None if self.returned is None else _batch_to_json(self.returned),
            "signals": None if self.signals is None else self.signals.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """The facts that `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            trunk=tuple(TrunkCommit(**{**one, "at": parse_iso(one["at"])}) for one in data["trunk"]),
            bundles=dict(data["bundles"]),
            removed=tuple(data["removed"]),
            predecessors={name: tuple(found) for name, found in data["predecessors"].items()},
            forbidden={name: dict(why) for name, why in data["forbidden"].items()},
            runs={name: tuple(_run_from_json(run) for run in runs) for name, runs in data["runs"].items()},
            policy_commit=data["policy_commit"],
            proofs={path: _proof_from_json(proof) for path, proof in data["proofs"].items()},
            promoters=tuple(data["promoters"]),
            authors=None if data["authors"] is None else tuple(data["authors"]),
            unknown_authors=data["unknown_authors"],
            batches=tuple(_batch_from_json(batch) for batch in data["batches"]),
            ranks={domain: tuple(ranks) for domain, ranks in data["ranks"].items()},
            left_out=data["left_out"],
            drifting=data["drifting"],
            outdated=tuple(
                Outdated(**{**one, "examples": tuple(one["examples"])}) for one in data["outdated"]
            ),
            pending=tuple(Pending(**{**one, "reason": Reason(**one["reason"])}) for one in data["pending"]),
            returned=None if data["returned"] is None else _batch_from_json(data["returned"]),
            signals=None if data["signals"] is None else StepSignals.from_json(data["signals"]),
        )


def runs_of(completed: tuple[Completed, ...]) -> tuple[Run, ...]:
    """What was live when, the newest first: each until the next one completed."""
    ends = (None, *(entry.at for entry in completed))
    return tuple(
        Run(entry.digest, entry.commit, entry.at, end) for entry, end in zip(completed, ends, strict=False)
    )


def forbidden_of(quarantine: Iterable[Quarantine], digests: Iterable[str]) -> dict[str, str]:
    """The digests that are quarantined in an environment, and why."""
    placed = tuple(quarantine)
    found = ((digest, next((one for one in placed if one.covers(digest)), None)) for digest in digests)
    return {digest: one.why for digest, one in found if one is not None}


def step_windows(ledger: Ledger) -> tuple[StepWindow, ...]:
    """What `fleet.batches.count_batches` has to know of the open rollout's steps; empty when none is open."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None:
        return ()
    return tuple(
        StepWindow(planned.reaches, step.since, step.sequence)
        for planned, step in zip(plan.steps, rollout.steps, strict=True)
    )


def _run_to_json(run: Run) -> dict[str, Any]:
    until = None if run.until is None else iso_milliseconds(run.until)
    return {**asdict(run), "since": iso_milliseconds(run.since), "until": until}


def _run_from_json(data: Mapping[str, Any]) -> Run:
    until = None if data["until"] is None else parse_iso(data["until"])
    return Run(**{**data, "since": parse_iso(data["since"]), "until": until})


def _proof_to_json(proof: Proof) -> dict[str, Any]:
    return {**asdict(proof), "names": list(proof.names)}


def _proof_from_json(data: Mapping[str, Any]) -> Proof:
    return Proof(**{**data, "names": tuple(data["names"])})


def _batch_to_json(batch: Batch) -> dict[str, Any]:
    settles_at = None if batch.settles_at is None else iso_milliseconds(batch.settles_at)
    lapsed_at = None if batch.lapsed_at is None else iso_milliseconds(batch.lapsed_at)
    examples = list(batch.examples)
    return {**asdict(batch), "settles_at": settles_at, "lapsed_at": lapsed_at, "examples": examples}


def _batch_from_json(data: Mapping[str, Any]) -> Batch:
    settles_at = None if data["settles_at"] is None else parse_iso(data["settles_at"])
    lapsed_at = None if data["lapsed_at"] is None else parse_iso(data["lapsed_at"])
    examples = tuple(data["examples"])
    return Batch(**{**data, "settles_at": settles_at, "lapsed_at": lapsed_at, "examples": examples})


def moment_to_json(moment: datetime) -> str:
    """A moment in kept inputs."""
    return iso_milliseconds(moment)
