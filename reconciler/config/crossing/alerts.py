"""Burn rates that an objective cannot reach, and windows that are longer than the objective's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.durations import milliseconds
from reconciler.config.kinds.slo import WINDOWS
from reconciler.config.quantities import plain, share
from reconciler.config.report import Problem

DAY = 86_400_000


def check(tree: Tree) -> Iterator[Objection]:
    """Pairs of burn-rate alerts that could never fire. Those that come with a severity are left to the objective."""
    for resource, data, environment in tree.of("alert"):
        burn = data.get("burn-rate", {})
        slo = tree.resources.get(("slo", burn.get("slo", "")))
        if slo is None or (slo.origin and slo.origin.broken) or not slo.is_in(environment or ""):
            continue
        objective = slo.effective(environment or "")
        if "objective" not in objective:
            continue
        # When every request fails, the budget burns this many times too fast.
        most = 1 / (1 - share(objective["objective"]))
        for pair in burn.get("pair", ()):
            if Decimal(pair["factor"]) > most:
                problem = Problem(
                    "E-VAL-009",
                    f"a burn rate of {pair['factor']} cannot be reached with an objective of "
                    f"{objective['objective']}",
                    f"at most {plain(most.quantize(Decimal('0.01')))}",
                    "lower the factor, or raise the objective",
                )
                yield Objection(resource, ("burn-rate", "pair"), problem, pair["long"], environment)
            if milliseconds(pair["long"]) > WINDOWS[objective["window"]] * DAY:
                problem = Problem(
                    "E-VAL-009",
                    f"the window {pair['long']} is longer than the objective's {objective['window']}",
                    f"at most {objective['window']}",
                    "shorten it",
                )
                yield Objection(resource, ("burn-rate", "pair"), problem, pair["long"], environment)
