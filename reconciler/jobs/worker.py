"""The worker process: takes jobs from RQ's queues and runs each in a child of its own.

It outlives the queue: while Redis is away it keeps trying. A child dies with its parent, so that nobody finishes work
that somebody else has taken over.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import redis
from rq import Queue, Worker
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

from reconciler.errors import Stalled
from reconciler.flows import compile_cache
from reconciler.flows.confined import die_with_parent
from reconciler.jobs.keyring import lacking, servable
from reconciler.jobs.last_good import usable_installation
from reconciler.jobs.queue import ENTRY, QUEUES, open_queue
from reconciler.jobs.starting import RETRY_SECONDS, start_process
from reconciler.settings import Settings

__all__ = ["QUEUES", "ReconcilerWorker", "work"]

log = logging.getLogger(__name__)

WORKER_TTL = 60
"""RQ forgets a worker that says nothing for this long, in seconds; it says something twice within it."""

PRELOADED = (
    "reconciler.jobs.entry",
    "reconciler.flows.trunk",
    "reconciler.flows.environment",
    "reconciler.flows.delivery",
)
"""Imported before the first fork, which makes every job half a second shorter."""


def work(settings: Settings, queues: Sequence[str] = ()) -> None:
    """Run a worker for `queues`, in this order of preference, until SIGTERM or SIGINT: a job in hand is finished.

    When none is named, it takes those whose keys are within its reach. A second signal ends the job too. Raises
    `Stalled` when the database cannot be used at all, or when there is no key for any queue.
    """
    _stop_while_waiting()
    start_process(settings)
    queues = choose_queues(settings, os.environ, queues)
    log.info("worker-started queues=%s", ",".join(queues))
    for module in PRELOADED:
        importlib.import_module(module)
    compile_cache.program()  # It reads the code, which would take each job some milliseconds.
    while True:
        worker: ReconcilerWorker | None = None
        try:
            connection = open_queue(settings)
            worker = ReconcilerWorker(
                list(queues),
                connection=connection,
                serializer=JSONSerializer,
                worker_ttl=WORKER_TTL,
                maintenance_interval=WORKER_TTL,
                default_result_ttl=0,
            )
            worker.work(logging_level="WARNING")
        except redis.exceptions.RedisError as fault:
            log.warning("queue-away: %s", fault)
        if worker is not None and worker.told_to_stop:
            return
        _stop_while_waiting()
        _reap()
        time.sleep(RETRY_SECONDS)


class ReconcilerWorker(Worker):
    """RQ's forking worker, which runs nothing but our entry point and takes its child along when it is killed."""

    max_connection_wait_time = 2.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.told_to_stop = False
        self.worker_process = os.getpid()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.told_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job, unless it is not one of ours: whoever can write to Redis must not choose what a worker calls."""
        if not is_ours(job):
            log.error("foreign-job id=%s: deleted without running it", job.id)
            job.delete(remove_from_queue=False)
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
            return
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        die_with_parent(self.worker_process)
        super().main_work_horse(job, queue)


def choose_queues(settings: Settings, environ: Mapping[str, str], queues: Sequence[str]) -> Sequence[str]:
    """The named queues, or those that this process has keys for. Says which keys it lacks. Raises `Stalled`."""
    try:
        installation = usable_installation(settings)
    except Stalled as error:
        # The file may come later; until then every piece of work says what is wrong with it.
        log.warning("server-configuration-unusable: %s", error)
        return queues or QUEUES
    found = lacking(installation, folder=settings.config_file.parent, environ=environ)
    chosen = queues or servable(found)
    for item in found:
        if item.queue in chosen:
            log.warning("key-missing: %s; the work of this queue will be stalled", item)
        elif not queues:
            log.warning("queue-left-out: %s; restart this worker when it is there", item)
    return chosen


def is_ours(job: Job) -> bool:
    """Whether a job calls our entry point with four texts and nothing else before, after or around it."""
    try:
        call = (job.func_name, job.instance, dict(job.kwargs))
        texts = len(job.args) == 4 and all(isinstance(argument, str) for argument in job.args)
    except (DeserializationError, ValueError, TypeError, AttributeError):
        return False
    around = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
    return call == (ENTRY, None, {}) and texts and around == (None, None, None) and not job.webhooks


def _stop_while_waiting() -> None:
    """Outside RQ's loop there is no job to finish, so both signals simply end the process."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _reap() -> None:
    """Collect children that outlived the loop that started them."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
