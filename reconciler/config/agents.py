"""How an agent, a process beside the proxy, is reached and when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, scalar
from reconciler.config.sizes import Size
from reconciler.config.values import Choice, Integer, Pattern

SOCKET = Pattern(
    name="socket",
    pattern=r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)+[A-Za-z0-9_-][A-Za-z0-9._-]*",
    expected="the absolute path of a Unix socket, such as '/run/zentinel/audit.sock'",
    hint="write it from the root, in a directory that exists on the nodes",
    maximum=107,
)
GRPC_ADDRESS = Pattern(
    name="gRPC address",
    pattern=r"http://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):[0-9]{1,5}",
    expected="http://host:port, such as 'http://127.0.0.1:50051'",
    hint="the proxy speaks to agents without TLS, so keep it on the node",
)

CONNECTION: tuple[Field, ...] = (
    scalar("socket", SOCKET, "The agent's Unix socket.", 'socket "/run/zentinel/audit.sock"'),
    scalar(
        "grpc", GRPC_ADDRESS, "The agent's address, in place of a socket.", 'grpc "http://127.0.0.1:50051"'
    ),
    scalar("timeout", Duration("1s", "1m"), "How long the proxy waits for it.", 'timeout "1s"', default="1s"),
    scalar(
        "failure-mode",
        Choice(("closed", "open"), instead={"fail-closed": 'write "closed"', "fail-open": 'write "open"'}),
        "Whether requests are refused (closed) or pass (open) when the agent does not answer.",
        'failure-mode "closed"',
        default="closed",
    ),
    scalar("max-body", Size("1B", "100MiB"), "The largest body that it is sent.", 'max-body "1MiB"'),
    scalar(
        "concurrency",
        Integer(1, 10_000),
        "How many requests it is asked at once.",
        "concurrency 100",
        default=100,
    ),
)


def connection_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """Exactly one way to reach the agent."""
    if ("socket" in data) == ("grpc" in data):
        both = "socket" in data
        problem = Problem(
            "E-VAL-009",
            "the agent is reached in two ways" if both else "it is not said how the agent is reached",
            "either socket or grpc",
            "remove one of the two" if both else 'add: socket "/run/zentinel/agent.sock"',
        )
        yield Complaint((*path, "grpc") if both else path, problem)
