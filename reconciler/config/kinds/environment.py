"""The kind `environment`, and the policy that its data amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.config.approvals import NO_APPROVALS, approvals_of
from reconciler.config.calendar import Zone
from reconciler.config.drift import DRIFT, drift_of
from reconciler.config.durations import Duration, seconds
from reconciler.config.freezes import FreezeWindow
from reconciler.config.gate_fields import GATES, gate_complaints, specs_of
from reconciler.config.groups import NodeGroup
from reconciler.config.kinds import strategies
from reconciler.config.people import APPROVER
from reconciler.config.policy import DEFAULT_ADMIN_PORT, EnvironmentPolicy
from reconciler.config.proxies import NEWEST, PROXY_VERSIONS
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, kind, scalar, values
from reconciler.config.sealing import EXAMPLE_KEY, SEALING_KEY
from reconciler.config.trains import RecurrenceRule, Train
from reconciler.config.values import Choice, Flag, Integer, Pattern, Reference

_POLICY = block(
    "policy",
    "How a release reaches the nodes of this environment.",
    (
        *strategies.FIELDS,
        scalar(
            "max-unavailable",
            Integer(0, 100_000),
            "How many nodes may be unhealthy, silent or refusing before a step fails.",
            "max-unavailable 1",
            default=0,
        ),
        Field(
            "promote",
            "Whether releases come here by themselves. Automatic is the default for an environment without `after`, "
            "which takes the commits of trunk; elsewhere it is manual. An automatic environment with `after` takes "
            "what has completed in all that it comes after, and ran there for as long as `after=` says.",
            'promote "automatic" after="1h"',
            arguments=(Slot("how", Choice(("automatic", "manual")), "by itself, or by a person"),),
            properties=(
                Slot(
                    "after",
                    Duration("0s", "30d"),
                    "how long a bundle has to run in every predecessor first",
                    required=False,
                ),
                Slot(
                    "take",
                    Choice(("latest", "every", "train")),
                    "the newest that is ready, as when absent; every one, one after another; or the newest that is "
                    "ready when a train leaves",
                    required=False,
                ),
                Slot(
                    "pull-request",
                    Choice(("people", "auto")),
                    "asks that a promotion be a pull request into the environment's branch, which people merge, or "
                    "which is merged as soon as nothing stands against its rollout; none is asked for when absent",
                    required=False,
                ),
            ),
        ),
        Field(
            "schedule",
            "When release trains leave. A bundle that is not ready by then waits for the next one.",
            'schedule "FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=10;BYMINUTE=0" zone="Europe/Berlin"',
            arguments=(Slot("rule", RecurrenceRule(), "a recurrence rule of RFC 5545"),),
            properties=(Slot("zone", Zone(), "the time zone of its times; summer time follows it"),),
        ),
        Field(
            "approvals",
            "How many people have to approve a release before it may come here. Whoever promoted it, and whoever "
            "wrote or committed what it brings, does not count.",
            'approvals 2 {\n    from "ada@example.com" "team:release"\n}',
            arguments=(Slot("count", Integer(1, 20), "how many"),),
            children=(
                values(
                    "from",
                    APPROVER,
                    "The people and teams that count; anybody who can show who they are when absent.",
                    'from "ada@example.com" "team:release"',
                ),
                scalar(
                    "reviews",
                    Flag(),
                    "Whether who approved every pull request that a release brings has approved the release. The "
                    "server configuration says whose accounts of the forge are whose.",
                    "reviews #true",
                    default=False,
                ),
            ),
        ),
        scalar(
            "supersede",
            Choice(("replace", "finish-batch", "finish")),
            "What becomes of an open rollout when another bundle is promoted: it is replaced at once, or when its "
            "batch has ended, or it goes on to its end first.",
            'supersede "finish-batch"',
            default="replace",
        ),
        scalar(
            "on-failure",
            Choice(("pause", "rollback")),
            "What happens when a step fails.",
            'on-failure "rollback"',
            default="pause",
        ),
        scalar(
            "min-healthy",
            Duration("0s", "24h"),
            "How long the nodes of a step have to be healthy before the next step.",
            'min-healthy "30s"',
            default="5s",
        ),
        scalar(
            "progress-deadline",
            Duration("1s", "7d"),
            "How long a step may take before it has failed. Paused time does not count.",
            'progress-deadline "10m"',
            default="10m",
        ),
        scalar(
            "stale-after",
            Duration("1s", "24h"),
            "How old a node's last heartbeat may be before the node counts as silent.",
            'stale-after "30s"',
            default="30s",
        ),
        GATES,
        DRIFT,
    ),
    example='policy {\n    strategy "rolling"\n    batches percent=25\n    on-failure "rollback"\n}',
    default={},
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    policy = data.get("policy", {})
    found = [*strategies.complaints(data), *gate_complaints(data.get("policy", {}))]
    found += _promotion(policy, bool(data.get("after")))
    return tuple(found)


def _promotion(policy: Mapping[str, Any], follows: bool) -> Iterator[Complaint]:
    promote = policy.get("promote", {})
    automatic = promote.get("how", "manual" if follows else "automatic") == "automatic"
    words = [(name, promote[name]) for name in ("after", "take") if name in promote]
    if not automatic and words:
        name, value = words[0]
        problem = Problem(
            "E-VAL-009",
            f"'{name}' is for automatic promotion",
            f'promote "automatic" {name}="{value}"',
            "remove it: what a person promotes comes when they promote it",
        )
        yield Complaint(("policy", "promote"), problem, value)
    elif not follows and "after" in promote:
        problem = Problem(
            "E-VAL-009",
            "there is no environment before this one in which a bundle could run for a time",
            "an environment with 'after'",
            "remove it, or name the environments that this one comes after",
        )
        yield Complaint(("policy", "promote"), problem, promote["after"])
    yield from _pull_request(policy, promote.get("pull-request", ""))
    if (promote.get("take") == "train") != ("schedule" in policy):
        missing = "schedule" if "schedule" not in policy else 'take="train"'
        problem = Problem(
            "E-VAL-009",
            "trains and their schedule come together",
            'promote "automatic" take="train", and a schedule',
            f"add {missing}, or remove the other",
        )
        yield Complaint(("policy", "promote" if missing == "schedule" else "schedule"), problem)


def _pull_request(policy: Mapping[str, Any], merged_by: str) -> Iterator[Complaint]:
    """Before a promotion is merged there is nothing else by which people could approve it."""
    if merged_by == "auto" and "approvals" in policy and not policy["approvals"].get("reviews"):
        problem = Problem(
            "E-VAL-009",
            "a pull request that is merged by itself waits for approvals, and its reviews would not count",
            "approvals with reviews #true",
            'add reviews #true to approvals, or let people merge: pull-request="people"',
        )
        yield Complaint(("policy", "promote"), problem, merged_by)


KIND = kind(
    "environment",
    "A fleet that runs one release at a time, such as staging or production, and how releases reach it.",
    (
        scalar(
            "proxy-version",
            Choice(PROXY_VERSIONS, name="proxy version"),
            "The version of the proxy that this environment's nodes run.",
            f'proxy-version "{NEWEST}"',
            required=True,
        ),
        scalar(
            "agent-version",
            Pattern(
                "version",
                r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}",
                "three numbers with dots between them, such as 0.1.0",
                "write all three",
            ),
            "The lowest version of sentinel-node that is given bundles; nodes with an older one are left out and keep "
            "what they run. Absent: any.",
            'agent-version "0.1.0"',
        ),
        values(
            "after",
            Reference("environment"),
            "The environments in which a bundle has to be complete before it may come here.",
            'after "staging"',
        ),
        scalar(
            "admin-port",
            Integer(1024, 65534),
            "The port on 127.0.0.1 of the proxy's reserved listener; its metrics are on the next port.",
            "admin-port 9901",
            default=DEFAULT_ADMIN_PORT,
        ),
        scalar(
            "sealing-key",
            SEALING_KEY,
            "The X25519 public key that this environment's secrets are sealed for. Its private key is named in the "
            "server configuration; an environment without secrets needs none.",
            f'sealing-key "{EXAMPLE_KEY}"',
        ),
        scalar(
            "protected",
            Flag(),
            "Whether this environment is one to be careful with. Absent: whether it comes after another one.",
            "protected #true",
        ),
        _POLICY,
    ),
    example=f'environment "production" {{\n    proxy-version "{NEWEST}"\n    after "staging"\n'
    '    policy {\n        strategy "rolling"\n        batches percent=34\n        on-failure "rollback"\n    }\n}',
    overridable=False,
    name_length=39,
    check=_check,
)


NO_TEAMS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
NO_OBJECTIVES: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def policy_of(
    name: str,
    data: Mapping[str, Any],
    freezes: Iterable[FreezeWindow] = (),
    teams: Mapping[str, tuple[str, ...]] = NO_TEAMS,
    groups: Iterable[NodeGroup] = (),
    objectives: Mapping[str, Mapping[str, Any]] = NO_OBJECTIVES,
) -> EnvironmentPolicy:
    """The policy of an environment whose data has its defaults filled in; of `freezes` those that concern it.

    `groups` and `objectives` (the data of each `slo` by name) are those that this environment has, as they are in it.
    """
    policy = data["policy"]
    promote = policy.get("promote", {})
    schedule = policy.get("schedule")
    after = tuple(data.get("after", ()))
    return EnvironmentPolicy(
        name=name,
        after=after,
        proxy_version=data["proxy-version"],
        agent_version=data.get("agent-version", ""),
        **strategies.policy_fields(data),
        max_unavailable=policy["max-unavailable"],
        promote=promote.get("how", "manual" if after else "automatic"),
        on_failure=policy["on-failure"],
        min_healthy_seconds=seconds(policy["min-healthy"]),
        progress_deadline_seconds=seconds(policy["progress-deadline"]),
        stale_after_seconds=seconds(policy["stale-after"]),
        admin_port=data["admin-port"],
        supersede=policy["supersede"],
        freezes=tuple(window for window in freezes if window.concerns(name)),
        drift=drift_of(policy["drift"]),
        gates=specs_of(policy.get("gates", {}), objectives),
        approvals=approvals_of(policy["approvals"], teams) if "approvals" in policy else NO_APPROVALS,
        soak_seconds=seconds(promote.get("after", "0s")),
        take=promote.get("take", "latest"),
        pull_request=promote.get("pull-request", ""),
        train=Train(schedule["rule"], schedule["zone"]) if schedule else None,
        groups=tuple(groups),
    )
