"""RQ's queues on a real Valkey: one job for one piece of owed work, however often it is dispatched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from reconciler.db.owed import Owed
from reconciler.errors import Transient
from reconciler.jobs import queue as subject
from reconciler.settings import read_settings


@pytest.fixture
def connection(valkey_url: str) -> redis.Redis:
    return subject.open_queue(read_settings({"REDIS_URL": valkey_url}))


def now() -> datetime:
    return datetime.now(UTC)


def owed(kind: str = "trunk", name: str = "", generation: str = "1-0", project: str = "shop") -> Owed:
    return Owed("acme", project, kind, name, generation)


def queued(connection: redis.Redis, name: str = "compile") -> list[str]:
    return Queue(name, connection=connection, serializer=JSONSerializer).job_ids


def test_work_goes_into_the_queue_of_its_kind(connection: redis.Redis) -> None:
    work = [owed(), owed("environment", "dev"), owed("dance")]
    assert subject.dispatch(connection, work, now=now()) == 3
    assert [len(queued(connection, name)) for name in subject.QUEUES] == [1, 1, 1]


def test_a_job_carries_slugs_as_json(connection: redis.Redis) -> None:
    subject.dispatch(connection, [owed("environment", "dev/../x y")], now=now())
    [name] = queued(connection, "release")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    job = Job.fetch(name, connection=connection, serializer=JSONSerializer)
    assert job.func_name == "reconciler.jobs.entry.run"
    assert job.args == ["acme", "shop", "environment", "dev/../x y"]
    assert (job.timeout, job.result_ttl) == (subject.JOB_SECONDS, 0)


def test_dispatching_again_adds_nothing(connection: redis.Redis) -> None:
    for _ in range(5):
        subject.dispatch(connection, [owed()], now=now())
        subject.nudge(connection, "acme", "shop", "trunk", generation="1-0")
    assert len(queued(connection)) == 1


def test_a_new_generation_and_other_work_have_jobs_of_their_own(connection: redis.Redis) -> None:
    works = [owed(), owed(generation="2-0"), owed(project="blog"), owed(generation="1-1")]
    assert subject.dispatch(connection, works, now=now()) == 4


def test_a_job_that_waits_long_is_not_doubled(connection: redis.Redis) -> None:
    subject.dispatch(connection, [owed()], now=now())
    assert subject.dispatch(connection, [owed()], now=now() + timedelta(hours=1)) == 0
    assert len(queued(connection)) == 1


def test_a_job_that_left_the_queue_and_was_lost_gets_one_successor(connection: redis.Redis) -> None:
    subject.dispatch(connection, [owed()], now=now())
    # A worker took it and was killed before it started: its hash stays, and RQ calls it queued for minutes.
    assert connection.lpop("rq:queue:compile") is not None
    assert subject.dispatch(connection, [owed()], now=now()) == 0
    later = now() + subject.STUCK_AFTER + timedelta(seconds=1)
    assert subject.dispatch(connection, [owed()], now=later) == 1
    assert subject.dispatch(connection, [owed()], now=later) == 0
    assert subject.dispatch(connection, [owed()], now=later + timedelta(hours=1)) == 0
    assert len(queued(connection)) == 1
    # The successor is lost too.
    assert connection.lpop("rq:queue:compile") is not None
    assert subject.dispatch(connection, [owed()], now=later + timedelta(hours=1)) == 1


def test_a_queue_that_was_flushed_is_filled_again(connection: redis.Redis) -> None:
    subject.dispatch(connection, [owed()], now=now())
    connection.flushall()
    assert subject.dispatch(connection, [owed()], now=now()) == 1


def test_a_queue_that_is_away_is_transient_and_names_no_password(free_port: int) -> None:
    away = subject.open_queue(read_settings({"REDIS_URL": f"redis://:hunter2@127.0.0.1:{free_port}/0"}))
    with pytest.raises(Transient, match="E-JOB-001") as caught:
        subject.dispatch(away, [owed()], now=now())
    assert "hunter2" not in str(caught.value)
    with pytest.raises(Transient):
        subject.nudge(away, "acme", "shop", "trunk")
    with pytest.raises(Transient):
        subject.ping(away)


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_queue_that_cannot_be_written_is_transient(
    connection: redis.Redis, fault: str, request: Any
) -> None:
    if fault == "full":
        connection.config_set("maxmemory", "1")
        request.addfinalizer(lambda: connection.config_set("maxmemory", "0"))
    else:
        connection.replicaof("127.0.0.1", 1)
        request.addfinalizer(lambda: connection.replicaof("NO", "ONE"))
    with pytest.raises(Transient, match="E-JOB-001"):
        subject.dispatch(connection, [owed()], now=now())
