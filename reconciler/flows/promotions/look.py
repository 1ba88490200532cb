"""What one look at the promotions of an environment has read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.flows.context import Context
from reconciler.flows.envbranch import BranchRead
from reconciler.flows.facts import TrunkPolicies
from reconciler.forge.calling import Api
from reconciler.release.state import EnvironmentState, Ledger


@dataclass(slots=True)
class Promoting:
    """What one run has read. `until` is when time alone may let something through."""

    context: Context
    environment: str
    policy: EnvironmentPolicy
    trunk: TrunkPolicies
    branch: BranchRead
    refs: dict[str, str]
    api: Api | None
    now: datetime
    until: datetime | None = None

    @property
    def state(self) -> EnvironmentState:
        return self.branch.state.at(self.now)

    @property
    def ledger(self) -> Ledger:
        return self.branch.state.files.ledger or Ledger()
