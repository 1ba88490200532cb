"""Reads `rollout.kdl` and `plan.kdl`: files that only we write, read as strictly as if anybody did."""

from __future__ import annotations

import re

from reconciler.config.gates import GateSpec
from reconciler.config.kdl import KdlNode
from reconciler.fleet.domains import OTHERS
from reconciler.fleet.ranks import LAST_REACH, NO_REACH
from reconciler.fleet.slots import SLOTS
from reconciler.release.ballot import PLAN_HASH
from reconciler.release.document import (
    MalformedError,
    argument,
    child_moment,
    child_number,
    child_selector,
    child_text,
    number,
    only,
    optional,
    read_moment,
    read_nodes,
    selector,
    single,
    text,
)
from reconciler.release.ledger_slots import read_returning, read_serving, read_swap, read_weights
from reconciler.release.paths import DIGEST
from reconciler.release.pins import read_standing
from reconciler.release.state import (
    ENDED_STATES,
    HISTORY_LIMIT,
    NO_COUNTS,
    OPEN_STATES,
    STEP_STATES,
    Completed,
    Judgement,
    Ledger,
    Moved,
    Only,
    Plan,
    PlannedStep,
    Progress,
    Rollout,
    Rules,
)

NAME = re.compile(r"r-[0-9]{4,9}")
REACH = re.compile(r"(?:[0-9a-f]{16})?")
DOMAIN = re.compile(r".{1,63}")
STATE = re.compile("|".join((*OPEN_STATES, *ENDED_STATES)))
STEP_STATE = re.compile("|".join(STEP_STATES))
VERDICT = re.compile("pass|wait|fail")
EVIDENCE = re.compile("[a-z][a-z0-9-]{0,39}")
COUNTS = frozenset({"total", "running", "healthy", "unhealthy", "refused", "silent"})
_ROLLOUT = frozenset(
    {
        "state",
        "digest",
        "previous",
        "widens",
        "commit",
        "opened",
        "paused",
        "ended",
        "because",
        "returning",
        "step",
    }
)
_STEP = frozenset({"state", "since", "ended", "sequence", "counts", "verdict"})
_NUMBERS = ("max-unavailable", "min-healthy-seconds", "progress-deadline-seconds", "stale-after-seconds")
_PLAN = frozenset(
    {
        "digest",
        "hash",
        "approved",
        "strategy",
        "on-failure",
        "spread",
        "only",
        "already",
        "apart",
        "gate",
        "step",
        "swap",
        *_NUMBERS,
    }
)


def read_rollout(content: bytes, path: str) -> Ledger:
    """Raises `MalformedError`."""
    nodes = read_nodes(content, path, {"sequence", "rollout", "history", "reissued", "pin", "serving"})
    sequence = single(nodes, "sequence", path)
    if len(sequence.arguments) != 1:
        raise MalformedError(f"{path}: 'sequence' takes one number")
    rollout = optional(nodes, "rollout", path)
    history = optional(nodes, "history", path)
    entries = history.children if history is not None else ()
    only(entries, {"completed"}, path)
    reissued = optional(nodes, "reissued", path)
    return Ledger(
        sequence=number(sequence.arguments[0], f"{path}: 'sequence'"),
        rollout=None if rollout is None else _rollout(rollout, path),
        history=tuple(_completed(entry, path) for entry in entries[:HISTORY_LIMIT]),
        pins=tuple(read_standing(node, path) for node in nodes if node.name == "pin"),
        serving=read_serving(nodes, path),
        reissued=()
        if reissued is None
        else tuple(read_moment(text(at, f"{path}: 'reissued'"), path) for at in reissued.arguments),
    )


def read_plan(content: bytes, path: str) -> Plan:
    """Raises `MalformedError`, also when a step reaches less far than the one before, or the last one not all."""
    node = single(read_nodes(content, path, {"plan"}), "plan", path)
    only(node.children, _PLAN, path)
    steps = _steps(node, path)
    counts = {name: child_number(node, name, path) for name in _NUMBERS}
    return Plan(
        rollout=argument(node, path, NAME),
        digest=_required(node, "digest", path, DIGEST),
        rules=Rules(
            strategy=_required(node, "strategy", path),
            max_unavailable=counts["max-unavailable"],
            on_failure=_required(node, "on-failure", path, re.compile("pause|rollback")),
            min_healthy_seconds=counts["min-healthy-seconds"],
            progress_deadline_seconds=counts["progress-deadline-seconds"],
            stale_after_seconds=counts["stale-after-seconds"],
            spread=child_text(node, "spread", path),
            gates=tuple(_gate(child, path) for child in node.children if child.name == "gate"),
        ),
        steps=steps,
        hash=child_text(node, "hash", path, PLAN_HASH),
        approved=tuple(argument(child, path) for child in node.children if child.name == "approved"),
        only=_only(node, path),
        already=tuple(_already(child, path) for child in node.children if child.name == "already"),
        apart=tuple(read_standing(child, path) for child in node.children if child.name == "apart"),
        swap=read_swap(node.children, steps, path),
    )


def _rollout(node: KdlNode, path: str) -> Rollout:
    only(node.children, _ROLLOUT, path)
    opened = child_moment(node, "opened", path)
    if opened is None:
        raise MalformedError(f"{path}: the rollout has no 'opened'")
    return Rollout(
        name=argument(node, path, NAME),
        state=_required(node, "state", path, STATE),
        digest=_required(node, "digest", path, DIGEST),
        previous=child_text(node, "previous", path, DIGEST),
        widens=child_text(node, "widens", path, NAME),
        commit=child_text(node, "commit", path),
        opened_at=opened,
        because=child_text(node, "because", path),
        steps=tuple(_progress(child, path) for child in node.children if child.name == "step"),
        returning=read_returning(node.children, path),
        paused_at=child_moment(node, "paused", path),
        ended_at=child_moment(node, "ended", path),
    )


def _progress(node: KdlNode, path: str) -> Progress:
    if len(node.arguments) != 1:
        raise MalformedError(f"{path}: 'step' takes its number")
    only(node.children, _STEP, path)
    counts = optional(node.children, "counts", path)
    if counts is not None and not counts.properties.keys() <= COUNTS:
        raise MalformedError(f"{path}: 'counts' has names that are not known")
    return Progress(
        number=number(node.arguments[0], f"{path}: 'step'"),
        state=_required(node, "state", path, STEP_STATE),
        since=child_moment(node, "since", path),
        ended=child_moment(node, "ended", path),
        sequence=child_number(node, "sequence", path) if optional(node.children, "sequence", path) else 0,
        counts=NO_COUNTS
        if counts is None
        else {name: number(value, f"{path}: '{name}'") for name, value in sorted(counts.properties.items())},
        verdicts=tuple(_verdict(child, path) for child in node.children if child.name == "verdict"),
    )


def _verdict(node: KdlNode, path: str) -> Judgement:
    if len(node.arguments) != 3:
        raise MalformedError(f"{path}: 'verdict' takes a gate, a verdict and a reason")
    gate, verdict, because = node.arguments
    return Judgement(
        text(gate, f"{path}: gate"),
        text(verdict, f"{path}: verdict", VERDICT),
        text(because, f"{path}: reason"),
        {
            text(name, f"{path}: evidence", EVIDENCE): number(value, f"{path}: '{name}'")
            for name, value in sorted(node.properties.items())
        },
    )


def _only(node: KdlNode, path: str) -> Only | None:
    found = optional(node.children, "only", path)
    if found is None:
        return None
    if found.properties.keys() != {"meant"}:
        raise MalformedError(f"{path}: 'only' takes a selector and 'meant'")
    meant = text(found.properties["meant"], f"{path}: 'meant'")
    return Only(selector(argument(found, path), f"{path}: 'only'"), selector(meant, f"{path}: 'meant'"))


def _already(node: KdlNode, path: str) -> Moved:
    if node.properties.keys() != {"opened", "reach"}:
        raise MalformedError(f"{path}: 'already' takes a rollout, 'opened' and 'reach'")
    only(node.children, {"meant", "spread", "domain", "apart"}, path)
    return Moved(
        argument(node, path, NAME),
        child_selector(node, "meant", path),
        read_moment(text(node.properties["opened"], f"{path}: 'opened'"), path),
        {OTHERS: text(node.properties["reach"], f"{path}: 'reach'", REACH), **_domains(node, path)},
        child_text(node, "spread", path),
        tuple(read_standing(child, path) for child in node.children if child.name == "apart"),
    )


def _steps(node: KdlNode, path: str) -> tuple[PlannedStep, ...]:
    """The steps of a plan. One names the domains that it moves nodes of; of the others the step before holds."""
    written = [child for child in node.children if child.name == "step"]
    reaches = dict.fromkeys((OTHERS, *(name for step in written for name in _domains(step, path))), NO_REACH)
    steps: list[PlannedStep] = []
    for step in written:
        only(step.children, {"domain"}, path)
        if len(step.arguments) != 1 or step.properties.keys() - {"lasts", *SLOTS} != {"nodes", "reach"}:
            raise MalformedError(f"{path}: 'step' takes its number, 'nodes', 'reach', 'lasts' and weights")
        further = {OTHERS: text(step.properties["reach"], f"{path}: 'reach'", REACH), **_domains(step, path)}
        if any(reach < reaches[domain] for domain, reach in further.items()):
            raise MalformedError(f"{path}: no step may reach less far than the one before")
        reaches = {**reaches, **further}
        steps.append(
            PlannedStep(
                number(step.arguments[0], f"{path}: 'step'"),
                number(step.properties["nodes"], f"{path}: 'nodes'"),
                reaches,
                number(step.properties.get("lasts", 0), f"{path}: 'lasts'"),
                read_weights(step, path),
            )
        )
    numbered = [step.number for step in steps] == list(range(1, len(steps) + 1))
    if not steps or not numbered or set(steps[-1].reaches.values()) != {LAST_REACH}:
        raise MalformedError(
            f"{path}: the steps have to be numbered from 1, and the last one has to reach all"
        )
    return tuple(steps)


def _domains(step: KdlNode, path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in step.children:
        if child.name != "domain":
            continue
        name = argument(child, path, DOMAIN)
        if name in found or child.properties.keys() != {"reach"}:
            raise MalformedError(f"{path}: 'domain' takes its name, once in a step, and 'reach'")
        found[name] = text(child.properties["reach"], f"{path}: 'reach'", REACH)
    return found


def _gate(node: KdlNode, path: str) -> GateSpec:
    if not 1 <= len(node.arguments) <= 2:
        raise MalformedError(f"{path}: 'gate' takes its kind and what it is about")
    kind, *subject = (text(argument, f"{path}: 'gate'") for argument in node.arguments)
    values = {
        name: value if isinstance(value, str) else number(value, f"{path}: '{name}'")
        for name, value in node.properties.items()
    }
    gate = GateSpec(kind, subject[0] if subject else "", values)
    try:
        gate.check()
    except ValueError as error:
        raise MalformedError(f"{path}: {error}") from None
    return gate


def _completed(node: KdlNode, path: str) -> Completed:
    properties = node.properties
    if properties.keys() != {"at", "commit", "rollout", "sequence"}:
        raise MalformedError(f"{path}: 'completed' takes 'at', 'commit', 'rollout' and 'sequence'")
    return Completed(
        digest=argument(node, path, DIGEST),
        commit=text(properties["commit"], f"{path}: 'commit'"),
        rollout=text(properties["rollout"], f"{path}: 'rollout'", NAME),
        sequence=number(properties["sequence"], f"{path}: 'sequence'"),
        at=read_moment(text(properties["at"], f"{path}: 'at'"), path),
    )


def _required(node: KdlNode, name: str, path: str, pattern: re.Pattern[str] | None = None) -> str:
    return argument(single(node.children, name, path), path, pattern)
