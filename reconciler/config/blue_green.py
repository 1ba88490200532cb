"""What a policy says of blue-green releases, as data: kept with a commit, and part of what people approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BlueGreen:
    """`balancer` is what people call whoever shares requests out between the nodes.

    `label` with the values `blue` and `green` tells the slots apart; all three are "" when ranks do. `shifts` are the
    rising percentages of the weight that the release's slot gets after each other, the last one 100; each but the last
    is watched for `bake_seconds`, that for `hold_seconds`. The share of requests that a slot really gets may differ by
    `within` percentage points from what is meant, and is judged by at least `samples` requests.
    """

    balancer: str
    shifts: tuple[int, ...]
    bake_seconds: int
    hold_seconds: int
    within: int
    samples: int
    label: str = ""
    blue: str = ""
    green: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return {**asdict(self), "shifts": list(self.shifts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BlueGreen:
        """What `to_json` gave. Raises KeyError or TypeError for anything else."""
        return cls(**{**data, "shifts": tuple(data["shifts"])})
