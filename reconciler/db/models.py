"""The tables. Moments are kept as milliseconds since the Unix epoch and handed out as aware UTC datetimes.

JSON is kept as canonical text: the same on SQLite and PostgreSQL, and nothing queries into it.
"""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, BooleanField, CharField, IntegerField, TextField

from reconciler.db.audit import AUDIT
from reconciler.db.changes import Change
from reconciler.db.evidence import Reproduction
from reconciler.db.forge import ForgeBudget, Outgoing, Pull
from reconciler.db.gating import Drift, StepEvidence
from reconciler.db.intake import Gap, Receipt, Repository
from reconciler.db.logged import LogAlarm, LogCheckpoint
from reconciler.db.measures import NodeCounter, NodeSignal
from reconciler.db.node_keys import Challenge, TokenKey, WrappedKey
from reconciler.db.once import ToldOnce
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.people import PEOPLE
from reconciler.db.promotions import Promotion
from reconciler.db.reported import REPORTED
from reconciler.db.resources import TABLES as RESOURCES
from reconciler.db.restored import Restored
from reconciler.db.risk import Risk
from reconciler.db.table import DocumentField, InstantField, Table
from reconciler.db.webhooks import Webhook


class Work(Table):
    """Work that is owed: one row for each (project, kind, subject), however often it is asked for.

    `wanted` counts requests and `done` is the count that the last finished run had seen when it began, so a
    request that arrives during a run causes exactly one more. The work is owed while `wanted > done` or when
    `due_at` has passed. `kind` is `repository` or `trunk` (subject empty), or `environment` or `delivery` (subject: the
    environment's name). `known`: whoever asked has seen the branches, so what `Repository` says of them is new enough.
    The lease saves work and is never needed for correctness; `fence` rises with every claim.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    kind = CharField(31)
    subject = CharField(127, default="")
    wanted = BigIntegerField(default=0)
    done = BigIntegerField(default=0)
    known = BooleanField(default=False)
    due_at = InstantField(null=True, index=True)
    attempts = IntegerField(default=0)
    holder = CharField(127, default="")
    fence = BigIntegerField(default=0)
    leased_until = InstantField(null=True)
    outcome = CharField(31, default="")
    reason = TextField(default="")
    finished_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project", "kind", "subject"), True),)


class Commit(Table):
    """A commit of trunk. `state`: `found`, `skipped` (not the head of its push), `refused` (findings), `compiled`."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    sha = CharField(64)
    parent = CharField(64, default="")
    position = BigIntegerField()
    author_name = TextField()
    author_email = TextField()
    authored_at = InstantField()
    subject = TextField()
    seen_at = InstantField()
    state = CharField(15)
    reason = TextField(default="")
    digest = CharField(71, default="")
    findings = DocumentField(default=list)
    policies = DocumentField(default=list)
    """Policies of the environments in promotion order, as `EnvironmentPolicy.to_json`; empty unless compiled."""

    class Meta:
        indexes = (
            (("organization", "project", "sha"), True),
            (("organization", "project", "position"), False),
        )


class Bundle(Table):
    """A published bundle. `commit` is the first commit that compiled to this digest."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    digest = CharField(71)
    length = BigIntegerField()
    blob_sha256 = CharField(64)
    blob_length = BigIntegerField()
    commit = CharField(64)
    compiler = CharField(63)
    created_at = InstantField()
    environments = DocumentField()
    """{name: environment}, each as it stands in the manifest."""
    certificates = DocumentField(default=dict)
    """{environment: [`CertificateInUse.to_json`]}"""
    files = DocumentField(default=dict)
    """{path: [bytes, SHA-256 in hex]} of the first files in its bill of materials."""
    tree = CharField(64, default="")
    author = TextField(default="")
    """Of `commit`, as its statement says."""
    condemned_at = InstantField(null=True)
    """When it was found that nobody can come to need it again; it may not be promoted from then on."""
    removed_at = InstantField(null=True)
    """When its blob was removed. A commit of trunk that compiles to it brings it back."""
    root_version = IntegerField(default=1)
    """The root under which its statement was signed or found to hold. The next run of trunk looks at what is behind."""
    distrusted_version = IntegerField(default=0)
    """The newest root under which it was found that nobody vouches for it any more; 0 when somebody always did."""

    class Meta:
        indexes = ((("organization", "project", "digest"), True),)


class Environment(Table):
    """Projection of an environment branch at `head`, and how its last reconciliation ended.

    `assignment` is what node API and pages decide cohorts by (`reconciler.fleet.cohorts`), at `sequence`. `position` is
    its place in promotion order. `view` is what pages show: see `reconciler.flows.environment`.
    `stalled_code` is empty unless a person must act.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    name = CharField(63)
    position = IntegerField()
    head = CharField(64, default="")
    sequence = BigIntegerField(default=0)
    rollout = CharField(63, default="")
    assignment = DocumentField(default=dict)
    view = DocumentField(default=dict)
    stalled_code = CharField(15, default="")
    stalled_message = TextField(default="")
    updated_at = InstantField()

    class Meta:
        indexes = ((("organization", "project", "name"), True),)


class Release(Table):
    """A commit of an environment branch: the deployment history, as `git log env/<name>` tells it."""

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    sha = CharField(64)
    height = BigIntegerField()
    subject = TextField()
    body = TextField(default="")
    trailers = DocumentField(default=list)
    author_name = TextField()
    author_email = TextField()
    committed_at = InstantField()
    ours = BooleanField()

    class Meta:
        indexes = (
            (("organization", "project", "environment", "sha"), True),
            (("organization", "project", "environment", "height"), False),
        )


class Rollout(Table):
    """Projection of one rollout. `state`: `open`, `paused`, `completed`, `rolled-back`, `superseded`, `cancelled`.

    `view` is what pages show: steps, batches, verdicts and reasons; see `reconciler.flows.environment`.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    name = CharField(63)
    digest = CharField(71)
    previous = CharField(71, default="")
    strategy = CharField(31)
    state = CharField(15)
    because = TextField(default="")
    view = DocumentField(default=dict)
    opened_at = InstantField()
    ended_at = InstantField(null=True)

    class Meta:
        indexes = ((("organization", "project", "environment", "name"), True),)


class Pointer(Table):
    """The newest signed pointer of a cohort, as bytes; the same bytes are in the object store.

    `root_version` is the root whose keys signed it: nodes are told of no newer root before they get a pointer by it.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    cohort = CharField(63)
    sequence = BigIntegerField()
    digest = CharField(71)
    weight = IntegerField(default=100)
    envelope = TextField()
    etag = CharField(64)
    issued_at = InstantField()
    root_version = IntegerField(default=1)

    class Meta:
        indexes = ((("organization", "project", "environment", "cohort"), True),)


class PublishedRoot(Table):
    """The newest root of an organization, as the clock saw it in the object store. For pages and for noticing a change;
    whoever believes a root reads and verifies it."""

    organization = CharField(63, primary_key=True)
    version = IntegerField()
    epoch = BigIntegerField()
    expires_at = InstantField()
    noted_at = InstantField()


class JoinToken(Table):
    """What lets a node register. Only the SHA-256 of the token is kept; `uses_left` null means no limit.

    `labels` are those that every node that registers with it has, whatever it says itself. `replaces`: such a node
    takes the place of a silent one of the same name.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    token_sha256 = CharField(64, unique=True)
    note = TextField(default="")
    created_at = InstantField()
    expires_at = InstantField(null=True)
    uses_left = IntegerField(null=True)
    revoked_at = InstantField(null=True)
    labels = DocumentField(default=dict)
    replaces = BooleanField(default=False)


class Node(Table):
    """A registered node, and what it last said of itself.

    `running` is the digest it says is live, never what we want it to be. `reported_at` is our clock when the last
    heartbeat arrived. `running_since` is when `running` last changed. `refusal` is its last refusal
    ({"code","message","digest","sequence","at"}) or null; a later activation clears it. `changed_at` moves with every
    write that the node API must learn of. `log` is the newest checkpoint of the log that it believed. `signing_key`
    (Ed25519) and `sealing_key` (X25519) are public keys in hex whose possession was proved at registration; a node
    without them is given no secrets. `labels` are what it said last with `fixed_labels` put over it, which are those
    of its join token. Tokens that were issued before `tokens_after` are not taken. `boots` are the last boot ids,
    `beat` tells the last report from another with the same counter; `doubts` is how many reports since `doubted_at`
    only a second machine or an older self can have sent, `cloned_at` when there were too many to be late ones.
    `recorded_at` is when its record in the object store was written, null when that is owed, and `recorded_by` the id
    of a key that signed it: see `reconciler.flows.enrolment`.
    """

    id = CharField(63, primary_key=True)
    organization = CharField(63)
    project = CharField(63)
    environment = CharField(63)
    name = CharField(127)
    labels = DocumentField(default=dict)
    fixed_labels = DocumentField(default=dict)
    key_sha256 = CharField(64)
    signing_key = CharField(64, null=True, unique=True)
    sealing_key = CharField(64, null=True, unique=True)
    registered_at = InstantField()
    retired_at = InstantField(null=True)
    changed_at = InstantField(index=True)
    reported_at = InstantField(null=True)
    boot_id = CharField(63, default="")
    counter = BigIntegerField(default=0)
    running = CharField(71, default="")
    running_since = InstantField(null=True)
    config_id = CharField(16, default="")
    delivered = CharField(71, default="")
    sequence = BigIntegerField(default=0)
    health = CharField(15, default="unknown")
    health_reason = TextField(default="")
    health_since = InstantField(null=True)
    refusal = DocumentField(null=True)
    versions = DocumentField(default=dict)
    weight = IntegerField(null=True)
    address = CharField(63, default="")
    log = CharField(160, default="")
    tokens_after = InstantField(null=True)
    boots = DocumentField(default=list)
    beat = CharField(32, default="")
    doubts = IntegerField(default=0)
    doubted_at = InstantField(null=True)
    cloned_at = InstantField(null=True)
    recorded_at = InstantField(null=True)
    recorded_by = CharField(64, default="")

    class Meta:
        indexes = (
            (("organization", "project", "environment", "registered_at"), False),
            (("organization", "project", "environment", "name"), False),
        )


class Event(Table):
    """Something that happened, in the order it was written: the feed behind live pages and a node's timeline.

    `kind` is a static name such as `commit.compiled`; `subject` is what it is about (a sha, an environment, a node id).
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63)
    kind = CharField(63)
    subject = CharField(127, default="")
    message = TextField(default="")
    details = DocumentField(default=dict)
    at = InstantField(index=True)

    class Meta:
        indexes = ((("organization", "project", "id"), False),)


TABLES: tuple[type[Table], ...] = (
    Receipt,
    Repository,
    Gap,
    Pull,
    Promotion,
    Outgoing,
    Webhook,
    ForgeBudget,
    Work,
    Commit,
    Bundle,
    Reproduction,
    Risk,
    ConfigurationOutline,
    Environment,
    Release,
    Rollout,
    Pointer,
    PublishedRoot,
    Restored,
    JoinToken,
    Node,
    Challenge,
    WrappedKey,
    TokenKey,
    NodeCounter,
    NodeSignal,
    StepEvidence,
    Drift,
    Event,
    LogCheckpoint,
    LogAlarm,
    *PEOPLE,
    *REPORTED,
    *AUDIT,
    Change,
    ToldOnce,
    *RESOURCES,
)
