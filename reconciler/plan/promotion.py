"""A promotion as Markdown: what the pull request is told that asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.config.policy import EnvironmentPolicy
from reconciler.plan.markdown import code, digest, plain
from reconciler.plan.planning import gates_of, strategy_words
from reconciler.release.pull_requests import AUTO
from reconciler.release.state import Release


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a promotion reaches: what runs now, and how many nodes each batch has."""

    live: str
    batches: tuple[int, ...]


def promotion_text(release: Release, policy: EnvironmentPolicy, reach: Reach, page: str) -> str:
    """What it brings, which nodes it reaches and in which steps, what it waits for, and who merges it."""
    nodes = sum(reach.batches)
    steps = f" in {len(reach.batches)} batches" if len(reach.batches) > 1 else ""
    rows = [
        ("bundle", f"{digest(reach.live)} → {digest(release.digest)}"),
        ("commit", code(release.commit[:12]) if release.commit else "not named"),
        ("nodes", f"{nodes}{steps}" + (f", of {code(release.only)} alone" if release.only else "")),
        ("strategy", plain(strategy_words(policy, nodes))),
        ("gates", plain(", ".join(gates_of(policy)) or "none")),
        ("asked for by", plain(release.by or "nobody named")),
        ("why", plain(release.why or "no reason given")),
    ]
    if policy.pull_request == AUTO:
        merged = "It is merged by itself as soon as nothing stands against its rollout; people may merge it before."
    else:
        merged = "**Merge it to promote.** The rollout is judged by the same rules as any other."
    lines = [
        f"Asks {code(policy.name)} to run another bundle.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        f"{merged} Close it to reject it: nothing is promoted then, until it is reopened.",
        "",
        f"What it waits for: {page}/environments/{policy.name}",
    ]
    return "\n".join(lines) + "\n"
