"""The kind `environment`, and the policy that its data amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.config.durations import Duration, seconds
from reconciler.config.freezes import FreezeWindow
from reconciler.config.kinds import strategies
from reconciler.config.policy import DEFAULT_ADMIN_PORT, EnvironmentPolicy
from reconciler.config.proxies import NEWEST, PROXY_VERSIONS
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, block, kind, scalar, values
from reconciler.config.sealing import EXAMPLE_KEY, SEALING_KEY
from reconciler.config.values import Choice, Flag, Integer, Reference

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
        scalar(
            "promote",
            Choice(("automatic", "manual")),
            "Whether a valid trunk commit is promoted by itself. Automatic is for environments without `after`, and is "
            "the default there; elsewhere it is manual.",
            'promote "manual"',
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
    ),
    example='policy {\n    strategy "rolling"\n    batches percent=25\n    on-failure "rollback"\n}',
    default={},
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    policy = data.get("policy", {})
    found = list(strategies.complaints(data))
    if policy.get("promote") == "automatic" and data.get("after"):
        problem = Problem(
            "E-VAL-009",
            "automatic promotion is for environments without 'after'",
            'promote "manual"',
            "remove this line: what completed before is promoted with sentinelctl promote",
        )
        found.append(Complaint(("policy", "promote"), problem, "automatic"))
    return tuple(found)


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


def policy_of(name: str, data: Mapping[str, Any], freezes: Iterable[FreezeWindow] = ()) -> EnvironmentPolicy:
    """The policy of an environment whose data has its defaults filled in; of `freezes` those that concern it."""
    policy = data["policy"]
    after = tuple(data.get("after", ()))
    return EnvironmentPolicy(
        name=name,
        after=after,
        proxy_version=data["proxy-version"],
        **strategies.policy_fields(data),
        max_unavailable=policy["max-unavailable"],
        promote=policy.get("promote") or ("manual" if after else "automatic"),
        on_failure=policy["on-failure"],
        min_healthy_seconds=seconds(policy["min-healthy"]),
        progress_deadline_seconds=seconds(policy["progress-deadline"]),
        stale_after_seconds=seconds(policy["stale-after"]),
        admin_port=data["admin-port"],
        supersede=policy["supersede"],
        freezes=tuple(window for window in freezes if window.concerns(name)),
    )
