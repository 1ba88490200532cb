"""Which tables are in a backup, and why the others are not. Every table is in one of the two lists: a test holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.db.audit import AuditLost, AuditRow
from reconciler.db.changes import Change
from reconciler.db.copying import name_of
from reconciler.db.evidence import Reproduction
from reconciler.db.forge import ForgeBudget, Outgoing, Pull
from reconciler.db.gating import Drift, StepEvidence
from reconciler.db.intake import Gap, Receipt, Repository
from reconciler.db.logged import LogAlarm, LogCheckpoint
from reconciler.db.measures import NodeCounter, NodeSignal
from reconciler.db.models import (
    Bundle,
    Commit,
    Environment,
    Event,
    JoinToken,
    Node,
    Pointer,
    PublishedRoot,
    Release,
    Rollout,
    Work,
)
from reconciler.db.node_keys import Challenge, TokenKey, WrappedKey
from reconciler.db.once import ToldOnce
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.people import ApiKey, Person, SignIn, SignInAttempts, WebSecret
from reconciler.db.promotions import Promotion
from reconciler.db.reported import NodeBatch, RuntimeConfig, WafEvent
from reconciler.db.resources import Projected, Resource
from reconciler.db.restored import Restored
from reconciler.db.risk import Risk
from reconciler.db.table import Table
from reconciler.db.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Kept:
    """A table that is in a backup, without these columns: a node says them again with its next heartbeat, or they tell
    of the object store as it was."""

    table: type[Table]
    without: frozenset[str] = frozenset()


KEPT: Mapping[str, Kept] = MappingProxyType(
    {
        name_of(kept.table): kept
        for kept in (
            Kept(Person),
            Kept(ApiKey),
            Kept(JoinToken),
            Kept(
                Node,
                frozenset(
                    [
                        "reported_at",
                        "boot_id",
                        "counter",
                        "running",
                        "running_since",
                        "config_id",
                        "delivered",
                        "sequence",
                        "health",
                        "health_reason",
                        "health_since",
                        "refusal",
                        "versions",
                        "address",
                        "log",
                        "boots",
                        "beat",
                        "doubts",
                        "doubted_at",
                        "recorded_at",
                        "recorded_by",
                    ]
                ),
            ),
            Kept(AuditRow),
            Kept(AuditLost),
            Kept(LogCheckpoint),
            Kept(LogAlarm),
        )
    }
)
"""By the table's name, in the order in which they are written."""

LEFT_OUT: Mapping[type[Table], str] = MappingProxyType(
    {
        SignIn: "sessions: everybody signs in again",
        SignInAttempts: "wrong passwords of the last minutes",
        WebSecret: "a secret of the web processes, which make another one",
        Challenge: "a registration that is going on",
        TokenKey: "the node API makes keys for tokens itself, and nodes get new tokens",
        WrappedKey: "the delivery wraps data keys for nodes again",
        Commit: "git has it",
        Resource: "git has it",
        ConfigurationOutline: "git has it",
        Projected: "git has it",
        Bundle: "git and the object store have it",
        Environment: "git has it",
        Release: "git has it",
        Rollout: "git has it",
        Pointer: "it is signed again from what git has",
        Risk: "it is judged again",
        Reproduction: "the self-check finds it again",
        PublishedRoot: "the object store has it",
        Repository: "the next look at the repository finds it",
        Receipt: "deliveries are hints: the next look finds what they told of",
        Gap: "it tells of deliveries",
        Webhook: "the forge has it, and is asked again",
        Work: "it is asked for again",
        ToldOnce: "names of requests: whoever asks again after a restore gets another token or key",
        Change: "a change that was made is a commit; one that was not is asked for again",
        Pull: "the next look at the forge finds it",
        Promotion: "the next look at the repository and the forge finds it",
        Outgoing: "it is told again",
        ForgeBudget: "it lasts for minutes",
        NodeCounter: "nodes tell it again",
        NodeSignal: "nodes tell it again",
        NodeBatch: "nodes tell it again",
        RuntimeConfig: "nodes tell it again",
        WafEvent: "attacks of the last 30 days; export them if they are to be kept",
        StepEvidence: "it is measured again",
        Drift: "it is found again",
        Event: "the feed of live pages; commits give theirs again",
        Restored: "it tells of the database, not of what is in it",
    }
)
"""By table, and why: the documentation has the same list."""
