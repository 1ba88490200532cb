"""`/metrics` in Prometheus' text format, version 0.0.4. What cannot be read is an absent sample, never a zero."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, current_app

from web.auth import gate
from web.auth.actions import needs
from web.catalogue import ProjectEntry
from web.pages import certificates, drift, node_reads, reads, reproductions, roots
from web.pages.feed import Feed
from web.pages.overview import live_reproductions, offered_certificates
from web.pages.rendering import now
from web.pages.scope import Scope

blueprint = Blueprint("metrics", __name__)

METRICS: dict[str, str] = {
    "sentinel_commits": "Commits of trunk that are known, by state.",
    "sentinel_bundles": "Published bundles.",
    "sentinel_environment_sequence": "Sequence of an environment: rises with every commit that moves nodes.",
    "sentinel_environment_stalled": "1 while a person must act on an environment.",
    "sentinel_rollouts": "Rollouts, by state.",
    "sentinel_log_alarms": "Checkpoints that somebody saw and that the log does not begin with, unacknowledged.",
    "sentinel_drifting_nodes": "Nodes that run something else than they should, by environment and severity.",
    "sentinel_nodes": "Registered nodes, by environment and status.",
    "sentinel_bundle_reproductions": "Live bundles that were rebuilt from their commits, by how that ended.",
    "sentinel_certificate_not_after_seconds": "When a certificate in use ends, in seconds since the Unix epoch.",
    "sentinel_root_version": "The newest root of an organization.",
    "sentinel_root_not_after_seconds": "When that root expires, in seconds since the Unix epoch.",
    "sentinel_page_streams": "Live streams that this process serves now.",
    "sentinel_page_streams_limit": "Live streams that this process serves at most.",
}

Sample = tuple[str, tuple[tuple[str, str], ...], int]


@blueprint.get("/metrics")
@needs("metrics:read")
def metrics() -> Response:
    """The samples of all projects that who asks may see, and of this process."""
    feed: Feed = current_app.extensions["sentinel.feed"]
    found: list[Sample] = [
        ("sentinel_page_streams", (), feed.streams),
        ("sentinel_page_streams_limit", (), feed.most),
    ]
    projects = gate.seen_projects("metrics:read")
    for organization in sorted({entry.organization for entry in projects}):
        found += roots.samples(organization, reads.root(organization))
    for entry in projects:
        found += _of_project(entry)
    return Response(render(found), content_type="text/plain; version=0.0.4; charset=utf-8")


def _of_project(entry: ProjectEntry) -> Iterator[Sample]:
    scope = Scope(entry.organization, entry.slug)
    labels = (("organization", entry.organization), ("project", entry.slug))
    for state, count in sorted(reads.commit_counts(scope).items()):
        yield "sentinel_commits", (*labels, ("state", state)), count
    yield "sentinel_bundles", labels, reads.bundle_count(scope)
    for outcome, count in reproductions.samples(live_reproductions(scope)).items():
        yield "sentinel_bundle_reproductions", (*labels, ("outcome", outcome)), count
    for state, count in sorted(reads.rollout_counts(scope).items()):
        yield "sentinel_rollouts", (*labels, ("state", state)), count
    yield "sentinel_log_alarms", labels, len(reads.log_alarms(scope))
    for (environment, severity), count in drift.samples(reads.drift(scope)).items():
        where = (*labels, ("environment", environment), ("severity", severity))
        yield "sentinel_drifting_nodes", where, count
    fleet = node_reads.fleet(scope)
    for row in fleet.environments:
        named = (*labels, ("environment", row.name))
        yield "sentinel_environment_sequence", named, row.sequence
        yield "sentinel_environment_stalled", named, int(bool(row.stalled_code))
    for environment, name, ends in certificates.samples(
        offered_certificates(scope, fleet.environments, now=now())
    ):
        of_one = (*labels, ("environment", environment), ("certificate", name))
        yield "sentinel_certificate_not_after_seconds", of_one, ends
    for environment, tally in node_reads.counts(scope, fleet, now=now()).items():
        for status, count in tally.items():
            yield "sentinel_nodes", (*labels, ("environment", environment), ("status", status)), count


def render(samples: list[Sample]) -> str:
    """The text of some samples: each metric's help and type once, then its samples."""
    lines = []
    for name, help_text in METRICS.items():
        mine = [(labels, value) for metric, labels, value in samples if metric == name]
        if not mine:
            continue
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_labels(labels)} {value}" for labels, value in mine]
    return "\n".join(lines) + "\n"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
