"""Checks between resources that are not plain references, and between resources and other files of the tree.

One function for each, found through one explicit table. A check sees the effective data of whole trees and gives
complaints; forbidden here: reading anything but what it is given, and the proxy's own configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from reconciler.config.crossing import alerts, approvers, files, gates, placeholders, sealed
from reconciler.config.crossing import attached as attached_files
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.report import Report
from reconciler.config.resources import Resource

Check = Callable[[Tree], Iterator[Objection]]

CHECKS: tuple[Check, ...] = (
    placeholders.check,
    placeholders.check_parameters,
    sealed.check,
    files.check,
    alerts.check,
    approvers.check,
    gates.check,
)


def check_crossing(
    resources: Mapping[tuple[str, str], Resource], attached: Mapping[str, bytes], report: Report
) -> None:
    """Note everything that the checks object to. `attached` are the other files of the tree by path."""
    tree = Tree(resources, attached)
    for check in CHECKS:
        seen: set[tuple[object, ...]] = set()
        for objection in check(tree):
            key = (objection.resource.key, objection.path, objection.value, objection.problem)
            if key not in seen:
                seen.add(key)
                mark = objection.resource.mark(
                    objection.path, environment=objection.environment, value=objection.value
                )
                report.add(mark, objection.problem)
    report.extend(attached_files.findings(attached))
