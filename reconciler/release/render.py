"""Writes the files of an environment branch, each in its one canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.clock import iso_milliseconds
from reconciler.config.kdl import KdlNode, KdlValue
from reconciler.config.write import write_document
from reconciler.fleet.domains import OTHERS, Reaches
from reconciler.fleet.ranks import NO_REACH
from reconciler.release.document import leaf, moment, words
from reconciler.release.ledger_slots import returning_node, serving_node, swap_node
from reconciler.release.pins import standing_node
from reconciler.release.state import (
    Completed,
    Go,
    Hold,
    Ledger,
    Moved,
    Plan,
    PlannedStep,
    Progress,
    Promoted,
    Quarantine,
    Release,
    Rollout,
)

LEDGER_HEAD = "// Written by the control plane. A change made here by hand does not count and is restored.\n"


def render_release(release: Release) -> bytes:
    """`release.kdl`."""
    said = (*words("commit", release.commit), *words("why", release.why), *words("by", release.by))
    said = (*said, *moment("not-before", release.not_before), *words("only", release.only))
    children = (*said, *words("hotfix", release.hotfix))
    return _document([KdlNode("release", (release.digest,), children=children)])


def render_hold(hold: Hold) -> bytes:
    """`holds/<name>.kdl`."""
    children = (*words("owner", hold.owner), *moment("until", hold.until))
    return _document([KdlNode("hold", (hold.reason,), children=children)])


def render_quarantine(quarantine: Quarantine) -> bytes:
    """`quarantine/<12 hex>.kdl`."""
    return _document([KdlNode("quarantine", (quarantine.digest,), children=words("why", quarantine.why))])


def render_go(go: Go) -> bytes:
    """`gates/<rollout>-<step>.kdl`."""
    children = (leaf("sequence", go.sequence), *words("by", go.by), *words("why", go.why))
    return _document([KdlNode("go", (go.digest,), children=children)])


def render_promoted(promoted: Promoted) -> bytes:
    """`promoted.kdl`."""
    return _ledger([KdlNode("promoted", (promoted.commit,), children=(leaf("digest", promoted.digest),))])


def render_plan(plan: Plan) -> bytes:
    """`plan.kdl`."""
    rules = plan.rules
    children = (
        leaf("digest", plan.digest),
        *words("hash", plan.hash),
        *(leaf("approved", person) for person in plan.approved),
        leaf("strategy", rules.strategy),
        leaf("max-unavailable", rules.max_unavailable),
        leaf("on-failure", rules.on_failure),
        leaf("min-healthy-seconds", rules.min_healthy_seconds),
        leaf("progress-deadline-seconds", rules.progress_deadline_seconds),
        leaf("stale-after-seconds", rules.stale_after_seconds),
        *words("spread", rules.spread),
        *(
            KdlNode("gate", (gate.kind, *((gate.subject,) if gate.subject else ())), dict(gate.values))
            for gate in rules.gates
        ),
        *(() if plan.only is None else (KdlNode("only", (plan.only.wished,), {"meant": plan.only.meant}),)),
        *map(_already, plan.already),
        *(standing_node(standing, "apart") for standing in plan.apart),
        *(() if plan.swap is None else (swap_node(plan.swap),)),
        *_planned(plan.steps),
    )
    return _ledger([KdlNode("plan", (plan.rollout,), children=children)])


def _already(moved: Moved) -> KdlNode:
    domains = (
        KdlNode("domain", (domain,), {"reach": reach})
        for domain, reach in sorted(moved.reaches.items())
        if domain != OTHERS
    )
    children = (
        *words("meant", moved.meant),
        *words("spread", moved.spread),
        *domains,
        *(standing_node(standing, "apart") for standing in moved.apart),
    )
    properties: dict[str, KdlValue] = {
        "opened": iso_milliseconds(moved.opened_at),
        "reach": moved.reaches[OTHERS],
    }
    return KdlNode("already", (moved.rollout,), properties, children=children)


def _planned(steps: Iterable[PlannedStep]) -> Iterator[KdlNode]:
    """Each with the domains that it moves nodes of: most steps move few, however many domains there are."""
    before: Reaches = {}
    for step in steps:
        domains = tuple(
            KdlNode("domain", (domain,), {"reach": reach})
            for domain, reach in sorted(step.reaches.items())
            if domain != OTHERS and reach != before.get(domain, NO_REACH)
        )
        properties: dict[str, KdlValue] = {"nodes": step.nodes, "reach": step.reaches[OTHERS]}
        if step.lasts:
            properties["lasts"] = step.lasts
        properties |= step.weights or {}
        yield KdlNode("step", (step.number,), properties, children=domains)
        before = step.reaches


def render_rollout(ledger: Ledger) -> bytes:
    """`rollout.kdl`: the ledger without its plan."""
    nodes = [leaf("sequence", ledger.sequence)]
    if ledger.rollout is not None:
        nodes.append(_rollout(ledger.rollout))
    if ledger.serving is not None:
        nodes.append(serving_node(ledger.serving))
    nodes += [standing_node(standing) for standing in ledger.pins]
    if ledger.history:
        nodes.append(KdlNode("history", (), children=tuple(_completed(entry) for entry in ledger.history)))
    if ledger.reissued:
        nodes.append(KdlNode("reissued", tuple(map(iso_milliseconds, ledger.reissued))))
    return _ledger(nodes)


def _rollout(rollout: Rollout) -> KdlNode:
    children = (
        leaf("state", rollout.state),
        leaf("digest", rollout.digest),
        *words("previous", rollout.previous),
        *words("widens", rollout.widens),
        *words("commit", rollout.commit),
        *moment("opened", rollout.opened_at),
        *moment("paused", rollout.paused_at),
        *moment("ended", rollout.ended_at),
        leaf("because", rollout.because),
        *(() if rollout.returning is None else (returning_node(rollout.returning),)),
        *(_progress(step) for step in rollout.steps),
    )
    return KdlNode("rollout", (rollout.name,), children=children)


def _progress(step: Progress) -> KdlNode:
    counts = (KdlNode("counts", (), dict(step.counts)),) if step.counts else ()
    children = (
        leaf("state", step.state),
        *moment("since", step.since),
        *moment("ended", step.ended),
        *((leaf("sequence", step.sequence),) if step.sequence else ()),
        *counts,
        *(KdlNode("verdict", (v.gate, v.verdict, v.because), dict(v.evidence)) for v in step.verdicts),
    )
    return KdlNode("step", (step.number,), children=children)


def _completed(entry: Completed) -> KdlNode:
    return KdlNode(
        "completed",
        (entry.digest,),
        {
            "at": iso_milliseconds(entry.at),
            "commit": entry.commit,
            "rollout": entry.rollout,
            "sequence": entry.sequence,
        },
    )


def _document(nodes: Iterable[KdlNode]) -> bytes:
    return write_document(nodes).encode()


def _ledger(nodes: Iterable[KdlNode]) -> bytes:
    return (LEDGER_HEAD + write_document(nodes)).encode()
