"""The way to every page of a project, in groups as a panel has its levers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """One page that is always there. `also` are endpoints that belong below it."""

    endpoint: str
    label: str
    also: tuple[str, ...] = ()

    def holds(self, endpoint: str | None) -> bool:
        """Whether a page stands below this one."""
        return endpoint == self.endpoint or endpoint in self.also


GROUPS: tuple[tuple[str, tuple[Tab, ...]], ...] = (
    (
        "Releases",
        (
            Tab("project.index", "Changes", ("project.commit", "project.environment")),
            Tab("pulls.index", "Pull requests", ("pulls.pull",)),
            Tab("release.waiting", "Approvals"),
            Tab("release.calendar", "Calendar"),
            Tab("release.rollouts", "Rollouts", ("project.rollout",)),
            Tab("release.bundles", "Bundles", ("project.bundle",)),
        ),
    ),
    ("Fleet", (Tab("fleet.nodes", "Nodes", ("fleet.node",)), Tab("release.drift", "Drift"))),
    (
        "Configuration",
        (
            Tab("configuration.services", "Services"),
            Tab("project.certificates", "Certificates"),
            Tab("configuration.waf_policies", "WAF"),
            Tab("configuration.secret_ages", "Secrets"),
        ),
    ),
    (
        "Record",
        (
            Tab("fleet.events", "Events"),
            Tab("fleet.webhooks", "Webhooks"),
            Tab("audit_pages.of_project", "Audit"),
        ),
    ),
)
