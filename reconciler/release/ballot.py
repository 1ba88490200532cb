"""What people say of a release, and what they are asked: `approvals/…` is theirs, `proposal.kdl` ours.

A proposal names the plan that is to be approved, so that whoever has a clone can approve it, and so that nobody's word
counts for another plan than the one they read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from reconciler.config.kdl import KdlNode
from reconciler.config.people import is_person
from reconciler.config.write import write_document
from reconciler.release import paths
from reconciler.release.document import (
    MalformedError,
    argument,
    child_moment,
    child_number,
    child_text,
    leaf,
    moment,
    only,
    read_nodes,
    single,
    words,
)

APPROVE, REJECT = "approve", "reject"
PLAN_HASH = re.compile(r"[0-9a-f]{64}")
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHORT_HASH = 12


@dataclass(frozen=True, slots=True)
class Ballot:
    """The wish `approvals/<12 hex>/<person>.kdl`: one person's word on one bundle in one environment under one plan.

    `verdict` is "approve" or "reject". `hotfix` is the label that it was given to, or "".
    """

    person: str
    verdict: str
    digest: str
    environment: str
    plan: str
    why: str = ""
    hotfix: str = ""
    at: datetime | None = None

    @property
    def path(self) -> str:
        return paths.ballot_path(self.digest, self.person)


@dataclass(frozen=True, slots=True)
class Proposal:
    """`proposal.kdl`: the plan that a wish would be rolled out by. `plan` is its hash.

    `policy` is the trunk commit whose policy it is, `terms` the digest of what of the policy shapes a rollout, `count`
    how many approvals the policy asked for then.
    """

    digest: str
    plan: str
    policy: str
    terms: str
    strategy: str
    count: int
    at: datetime


def read_ballot(content: bytes, path: str) -> Ballot:
    """Raises `MalformedError`, also when the file does not stand where its digest and its person belong."""
    nodes = read_nodes(content, path, {APPROVE, REJECT})
    if len(nodes) != 1:
        raise MalformedError(f"{path}: expected one '{APPROVE}' or one '{REJECT}'")
    (node,) = nodes
    only(node.children, {"environment", "plan", "why", "hotfix", "at"}, path)
    ballot = Ballot(
        person=path.rpartition("/")[2].removesuffix(".kdl"),
        verdict=node.name,
        digest=argument(node, path, paths.DIGEST),
        environment=argument(single(node.children, "environment", path), path),
        plan=child_text(node, "plan", path, PLAN_HASH),
        why=child_text(node, "why", path),
        hotfix=child_text(node, "hotfix", path),
        at=child_moment(node, "at", path),
    )
    if not is_person(ballot.person):
        raise MalformedError(f"{path}: the file has to be named after a person, such as ada@example.com.kdl")
    if path != ballot.path:
        raise MalformedError(f"{path}: a word on this bundle belongs in {ballot.path}")
    return ballot


def render_ballot(ballot: Ballot) -> bytes:
    """`approvals/<12 hex>/<person>.kdl`."""
    children = (
        leaf("environment", ballot.environment),
        *words("plan", ballot.plan),
        *words("why", ballot.why),
        *words("hotfix", ballot.hotfix),
        *moment("at", ballot.at),
    )
    return write_document([KdlNode(ballot.verdict, (ballot.digest,), children=children)]).encode()


def read_proposal(content: bytes, path: str) -> Proposal:
    """Raises `MalformedError`."""
    node = single(read_nodes(content, path, {"proposal"}), "proposal", path)
    only(node.children, {"plan", "policy", "terms", "strategy", "approvals", "at"}, path)
    at = child_moment(node, "at", path)
    if at is None:
        raise MalformedError(f"{path}: the proposal has no 'at'")
    return Proposal(
        digest=argument(node, path, paths.DIGEST),
        plan=argument(single(node.children, "plan", path), path, PLAN_HASH),
        policy=child_text(node, "policy", path, SHA),
        terms=argument(single(node.children, "terms", path), path, PLAN_HASH),
        strategy=child_text(node, "strategy", path),
        count=child_number(node, "approvals", path),
        at=at,
    )


def render_proposal(proposal: Proposal, head: str) -> bytes:
    """`proposal.kdl`; `head` is the comment that our files begin with."""
    children = (
        leaf("plan", proposal.plan),
        *words("policy", proposal.policy),
        leaf("terms", proposal.terms),
        leaf("strategy", proposal.strategy),
        leaf("approvals", proposal.count),
        *moment("at", proposal.at),
    )
    node = KdlNode("proposal", (proposal.digest,), children=children)
    return (head + write_document([node])).encode()
