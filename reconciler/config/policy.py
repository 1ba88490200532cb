"""The policy of one environment: how a release reaches its nodes. Read from the last valid trunk commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.config.approvals import NO_APPROVALS, Approvals
from reconciler.config.blue_green import BlueGreen
from reconciler.config.drift import DEFAULT_DRIFT, DriftPolicy
from reconciler.config.freezes import FreezeWindow
from reconciler.config.gates import GateSpec
from reconciler.config.groups import NodeGroup
from reconciler.config.trains import Train

DEFAULT_ADMIN_PORT = 9901


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """What `environment "name" { … }` says, with its defaults filled in.

    A rolling `strategy` has exactly one of `batch_percent` (1–100) and `batch_size` (nodes), the other is None; both
    are None for all others. A canary has `canary_shares`, rising percentages below 100, each watched for
    `bake_seconds`. Blue-green alone has `blue_green`.
    `promote` is "automatic" or "manual", `on_failure` "pause" or "rollback". `admin_port` is the loopback port of the
    proxy's reserved listener; the metrics are on the next one. `freezes` are the windows that concern this environment,
    `groups` the node-groups as they are in it.
    `supersede` says what becomes of an open rollout when the wish names another digest that may ship: "replace",
    "finish-batch" or "finish". `take` is "latest", "every" or "train": which of the bundles that are ready automatic
    promotion takes; a train has a schedule, the others None. `soak_seconds` is how long a bundle has to run in every
    predecessor before that. `gates` are what has to be true of each step besides that its nodes are well, in their
    order.
    No batch takes more than `spread_percent` of the nodes that share a value of `spread_label`, which is "" when there
    are no such domains. `protected`: it comes after another one, or says so.
    Agents older than `agent_version` are given no bundle; "" allows any.
    `pull_request` says who merges the pull request that a promotion is: "people", "auto" for us, or "" for none.
    """

    name: str
    after: tuple[str, ...]
    proxy_version: str
    strategy: str
    batch_percent: int | None
    batch_size: int | None
    max_unavailable: int
    promote: str
    on_failure: str
    min_healthy_seconds: int
    progress_deadline_seconds: int
    stale_after_seconds: int
    admin_port: int = DEFAULT_ADMIN_PORT
    freezes: tuple[FreezeWindow, ...] = ()
    groups: tuple[NodeGroup, ...] = ()
    supersede: str = "replace"
    protected: bool = False
    canary_shares: tuple[int, ...] = ()
    bake_seconds: int = 0
    spread_label: str = ""
    spread_percent: int = 100
    gates: tuple[GateSpec, ...] = ()
    drift: DriftPolicy = DEFAULT_DRIFT
    approvals: Approvals = NO_APPROVALS
    soak_seconds: int = 0
    take: str = "latest"
    train: Train | None = None
    blue_green: BlueGreen | None = None
    agent_version: str = ""
    pull_request: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        freezes = [window.to_json() for window in self.freezes]
        groups = [group.to_json() for group in self.groups]
        return {
            **asdict(self),
            "after": list(self.after),
            "freezes": freezes,
            "canary_shares": list(self.canary_shares),
            "groups": groups,
            "gates": [gate.to_json() for gate in self.gates],
            "approvals": self.approvals.to_json(),
            "train": None if self.train is None else self.train.to_json(),
            "blue_green": None if self.blue_green is None else self.blue_green.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EnvironmentPolicy:
        """The policy that `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        freezes = tuple(FreezeWindow.from_json(window) for window in data["freezes"])
        groups = tuple(NodeGroup.from_json(group) for group in data["groups"])
        return cls(
            **{
                **data,
                "after": tuple(data["after"]),
                "freezes": freezes,
                "canary_shares": tuple(data.get("canary_shares", ())),
                "groups": groups,
                "drift": DriftPolicy(**data["drift"]),
                "gates": tuple(GateSpec.from_json(gate) for gate in data["gates"]),
                "approvals": Approvals.from_json(data["approvals"]),
                "train": None if data["train"] is None else Train(**data["train"]),
                "blue_green": None if data["blue_green"] is None else BlueGreen.from_json(data["blue_green"]),
            }
        )
