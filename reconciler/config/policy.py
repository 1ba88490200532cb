"""The policy of one environment: how a release reaches its nodes. Read from the last valid trunk commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.config.freezes import FreezeWindow

DEFAULT_ADMIN_PORT = 9901


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """What `environment "name" { … }` says, with its defaults filled in.

    `strategy` is the name of one; a rolling one has exactly one of `batch_percent` (1–100) and `batch_size` (nodes), the
    other is None, and both are None for all others. A canary has `canary_shares`, rising percentages below 100, each
    watched for `bake_seconds`. `promote` is "automatic" or "manual", `on_failure`
    "pause" or "rollback". `admin_port` is the loopback port of the proxy's reserved listener; the metrics are on the
    next one. `freezes` are the windows that concern this environment. `supersede` says what becomes of an open rollout
    when the wish names another digest that may ship: "replace", "finish-batch" or "finish". No batch takes more than
    `spread_percent` of the nodes that share a value of `spread_label`, which is "" when there are no such domains.
    `protected`: it comes after another one, or says so.
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
    supersede: str = "replace"
    protected: bool = False
    canary_shares: tuple[int, ...] = ()
    bake_seconds: int = 0
    spread_label: str = ""
    spread_percent: int = 100

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        freezes = [window.to_json() for window in self.freezes]
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}
        return {**plain, "freezes": freezes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EnvironmentPolicy:
        """The policy that `to_json` gave. Raises KeyError and TypeError for anything else."""
        freezes = tuple(FreezeWindow.from_json(window) for window in data["freezes"])
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
        return cls(**{**plain, "freezes": freezes})
