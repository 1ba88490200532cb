"""RQ's queues: which kind of work goes into which, under which job id.

Arguments travel as JSON, never as pickles. Job ids are deterministic: asking twice for the same work makes one job.
Forbidden here: importing flows, since receivers of webhooks use this module.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from reconciler.db.owed import Owed
from reconciler.errors import Transient
from reconciler.settings import Settings

log = logging.getLogger(__name__)

ENTRY = "reconciler.jobs.entry.run"
"""The only function that a job may name."""

QUEUE_OF_KIND = {
    "repository": "default",
    "trunk": "compile",
    "pull": "compile",
    "edit": "compile",
    "compile": "compile",
    "resources": "compile",
    "outlines": "default",
    "tell": "default",
    "feedback": "default",
    "redelivery": "default",
    "environment": "release",
    "delivery": "release",
    "enrolment": "release",
    "audit": "release",
    "change": "release",
    "reviews": "release",
    "promotion": "release",
    "log": "default",
    "reproduce": "default",
    "retention": "default",
    "drift": "default",
}
"""`compile` needs the bundle key, `release` the pointer, commit, audit and sealing keys: two users on two machines can
run them. What is in `default` needs none."""

QUEUES = ("compile", "release", "default")

JOB_SECONDS = 600
"""A job that takes longer is stuck."""

FAILURE_SECONDS = 300
"""How long RQ remembers a job whose process was killed. The database does not need it; people may look at it."""

STUCK_AFTER = timedelta(seconds=10)
"""A job that left its queue this long ago without claiming its work is taken for lost: its worker was killed between
taking the job and starting it, and RQ itself would notice only minutes later."""


def open_queue(settings: Settings) -> redis.Redis:
    """A client of Redis or Valkey with every limit explicit; it connects at its first command.

    50 connections are more than the threads of any of our processes. A command that gets no answer in 5 s fails.
    """
    return redis.Redis.from_url(
        settings.redis_url,
        max_connections=50,
        socket_timeout=5,
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=30,
        protocol=2,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2),
    )


def ping(connection: redis.Redis) -> None:
    """Raises `Transient` when the queue is away."""
    with _faults():
        connection.ping()


def nudge(
    connection: redis.Redis,
    organization: str,
    project: str,
    kind: str,
    subject: str = "",
    *,
    generation: str = "",
) -> bool:
    """Put a job for this work into its queue; False when the same generation of it has a job already.

    Raises `Transient` when the queue is away, full or read-only.
    """
    owed = Owed(organization, project, kind, subject, generation)
    with _faults():
        return _enqueue(_queue(connection, kind), owed, _job_id(owed))


def dispatch(connection: redis.Redis, owed: Iterable[Owed], *, now: datetime) -> int:
    """Make sure that each owed work has a job waiting, and return how many jobs were added.

    Raises `Transient` when the queue is away, full or read-only.
    """
    added = 0
    with _faults():
        for kind, group in groupby(sorted(owed, key=lambda work: work.kind), key=lambda work: work.kind):
            queue = _queue(connection, kind)
            waiting = {name.rpartition("_")[0] or name for name in queue.job_ids}
            added += sum(_add(queue, work, waiting, now) for work in group)
    return added


def _add(queue: Queue, owed: Owed, waiting: set[str], now: datetime) -> bool:
    name = _job_id(owed)
    if name in waiting:
        return False
    if _enqueue(queue, owed, name):
        return True
    if not _is_stuck(queue, name, now):
        return False
    # The name of the stuck job stays taken until RQ forgets it, so its successor has a number of its own.
    return _enqueue(queue, owed, f"{name}_{int(now.timestamp() / STUCK_AFTER.total_seconds())}")


def _is_stuck(queue: Queue, name: str, now: datetime) -> bool:
    try:
        job = Job.fetch(name, connection=queue.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    enqueued = job.enqueued_at
    if enqueued is None:
        return True
    return now - (enqueued if enqueued.tzinfo else enqueued.replace(tzinfo=UTC)) > STUCK_AFTER


def _enqueue(queue: Queue, owed: Owed, name: str) -> bool:
    try:
        queue.enqueue_call(
            ENTRY,
            args=(owed.organization, owed.project, owed.kind, owed.subject),
            timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=FAILURE_SECONDS,
            description=f"{owed.kind} {owed.project} {owed.subject}".rstrip(),
            job_id=name,
            unique=True,
        )
    except DuplicateJobError:
        return False
    return True


def _queue(connection: redis.Redis, kind: str) -> Queue:
    return Queue(QUEUE_OF_KIND.get(kind, "default"), connection=connection, serializer=JSONSerializer)


def _job_id(owed: Owed) -> str:
    """Of letters, digits and hyphens, whatever the subject is called: RQ accepts nothing else."""
    text = "\n".join((owed.organization, owed.project, owed.kind, owed.subject, owed.generation))
    return f"{owed.kind}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.RedisError as fault:
        raise Transient("E-JOB-001", f"the queue cannot be used: {fault}") from fault
