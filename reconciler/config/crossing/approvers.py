"""Teams that approvals name and nobody has declared, and approvals of more people than there are."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.approvals import approvals_of
from reconciler.config.characters import shown
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.people import TEAM_PREFIX
from reconciler.config.report import Problem
from reconciler.config.suggest import did_you_mean


def check(tree: Tree) -> Iterator[Objection]:
    """What is wrong with the people that environments ask."""
    teams = {resource.name: tuple(data.get("members", ())) for resource, data, _ in tree.of("team")}
    declared = {name for kind, name in tree.resources if kind == "team"}
    for resource, data, environment in tree.of("environment"):
        found = data.get("policy", {}).get("approvals", {})
        path = ("policy", "approvals", "from")
        names = [name for name in found.get("from", ()) if name.startswith(TEAM_PREFIX)]
        unknown = [name for name in names if name.removeprefix(TEAM_PREFIX) not in declared]
        for name in unknown:
            team = name.removeprefix(TEAM_PREFIX)
            problem = Problem(
                "E-REF-001",
                f"the team {shown(team)} does not exist",
                "the name of a team",
                did_you_mean(team, sorted(declared)) or f'add it: team "{team}"',
            )
            yield Objection(resource, path, problem, name, environment)
        if (
            unknown
            or "count" not in found
            or any(name.removeprefix(TEAM_PREFIX) not in teams for name in names)
        ):
            continue
        approvals = approvals_of(found, teams)
        if approvals.restricted and len(approvals.everybody) < approvals.count:
            problem = Problem(
                "E-VAL-009",
                f"{approvals.count} approvals of {len(approvals.everybody)} people can never come",
                f"at least {approvals.count} people",
                "name more people, or ask for fewer approvals",
            )
            yield Objection(resource, ("policy", "approvals"), problem, None, environment)
