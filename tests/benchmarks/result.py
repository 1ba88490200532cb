"""What a benchmark measured: a ratio inside one run, never an absolute time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Result:
    """`ours` and `reference` in `unit`; `target` bounds the ratio ours / reference on the side of `better`."""

    bench: str
    ours: float
    reference: float
    unit: str
    target: float
    better: Literal["lower", "higher"]

    @property
    def ratio(self) -> float:
        return self.ours / self.reference

    @property
    def met(self) -> bool:
        return self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target

    def line(self) -> str:
        """One JSON line."""
        return json.dumps(
            {
                "bench": self.bench,
                "ours": float(f"{self.ours:.4g}"),
                "reference": float(f"{self.reference:.4g}"),
                "ratio": float(f"{self.ratio:.3g}"),
                "target": self.target,
                "better": self.better,
                "unit": self.unit,
                "met": self.met,
            }
        )
