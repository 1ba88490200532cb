"""What a job runs: claim the work, run its flow, write down how it ended. Errors end here and nowhere else."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from rq.timeouts import JobTimeoutException

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Event, Work
from reconciler.db.owed import LEASE, Claim, LeaseLost, claim, due, finish, renew
from reconciler.errors import LostRace, ReconcilerError, Stalled
from reconciler.flows.context import Context, open_context
from reconciler.flows.outcome import Outcome
from reconciler.jobs.endings import Ending, of_error, of_outcome, of_surprise, of_timeout
from reconciler.jobs.last_good import usable_installation
from reconciler.jobs.queue import JOB_SECONDS, dispatch, open_queue
from reconciler.settings import Settings, read_settings

log = logging.getLogger(__name__)

RACES = 5
"""A race that is lost this often in a row is not luck: the work then backs off like any other trouble."""

Flow = Callable[[Context, str, Callable[[], None]], Outcome]
"""Called with the context, the subject of the work, and what the flow calls to renew its lease between steps."""


def flow_of(kind: str) -> Flow:
    """The flow of a kind of work. Raises `Stalled` for a kind that this version does not know.

    Flows are imported when they run: a worker of one queue needs nothing of the other's.
    """
    if kind == "repository":
        from reconciler.flows.intake import repository

        return lambda context, subject, renewed: repository.run(context)
    if kind == "pull":
        from reconciler.flows.pulls import pull

        return pull.run
    if kind == "tell":
        from reconciler.flows.pulls import telling

        return lambda context, subject, renewed: telling.run(context, renewed)
    if kind == "reviews":
        from reconciler.flows.pulls import reviewing

        return lambda context, subject, renewed: reviewing.run(context, renewed)
    if kind == "promotion":
        from reconciler.flows.promotions import looking

        return looking.run
    if kind == "redelivery":
        from reconciler.flows.intake import redelivery

        return lambda context, subject, renewed: redelivery.run(context, renewed)
    if kind == "feedback":
        from reconciler.flows.pulls import feedback

        return lambda context, subject, renewed: feedback.run(context)
    if kind == "trunk":
        from reconciler.flows import trunk

        return lambda context, subject, renewed: trunk.run(context, renewed)
    if kind == "environment":
        from reconciler.flows import environment

        return lambda context, subject, renewed: environment.run(context, subject, renewed)
    if kind == "delivery":
        from reconciler.flows import delivery

        return lambda context, subject, renewed: delivery.run(context, subject, renewed)
    if kind == "enrolment":
        from reconciler.flows import enrolment

        return lambda context, subject, renewed: enrolment.run(context, renewed)
    if kind == "drift":
        from reconciler.flows import drift

        return drift.run
    if kind == "log":
        from reconciler.flows.log import watching

        return lambda context, subject, renewed: watching.run(context, renewed)
    if kind == "change":
        from reconciler.flows import changing

        return changing.run
    if kind == "edit":
        from reconciler.flows.resources import editing

        return editing.run
    if kind == "compile":
        from reconciler.flows import one_commit

        return one_commit.run
    if kind == "resources":
        from reconciler.flows.resources import projecting

        return lambda context, subject, renewed: projecting.run(context)
    if kind == "outlines":
        from reconciler.flows import outlining

        return lambda context, subject, renewed: outlining.run(context, renewed)
    if kind == "audit":
        from reconciler.flows.audit import sealing

        return lambda context, subject, renewed: sealing.run(context, renewed)
    if kind == "retention":
        from reconciler.flows import retention

        return lambda context, subject, renewed: retention.run(context, renewed)
    if kind == "reproduce":
        from reconciler.flows import selfcheck

        return selfcheck.run
    raise Stalled("E-JOB-004", f"this version knows no work of the kind '{kind}'", cure="Update the worker")


def run(organization: str, project: str, kind: str, subject: str) -> None:
    """Do one piece of owed work. Harmless when it is not owed, or when somebody else is at it: then nothing happens.

    Raises nothing but what breaks before the work is claimed: the work is then still owed.
    """
    settings = read_settings(os.environ)
    session.connect(settings)
    try:
        perform(settings, os.environ, organization, project, kind, subject)
        # A look at a repository, or at a pull request, asks for work of every project in it.
        hand_on(settings, organization, None if kind in ("repository", "pull", "reviews") else project)
    finally:
        session.close()


def perform(
    settings: Settings,
    environ: Mapping[str, str],
    organization: str,
    project: str,
    kind: str,
    subject: str,
    *,
    flows: Callable[[str], Flow] = flow_of,
    now: Callable[[], datetime] = clock.now,
) -> Ending | None:
    """Claim the work, run its flow, write down how it ended; None when it is not owed or the lease is lost."""
    held = claim(
        organization, project, kind, subject, holder=f"{socket.gethostname()}:{os.getpid()}", now=now()
    )
    if held is None:
        return None
    try:
        with _renewal(held, now):
            ending = _attempt(settings, environ, held, flows, now)
    except LeaseLost as error:
        log.warning("lease-lost kind=%s project=%s subject=%s: %s", kind, project, subject, error)
        return None
    _write(held, ending, now())
    log.info(
        "work-done kind=%s project=%s subject=%s outcome=%s: %s",
        kind,
        project,
        subject,
        ending.outcome,
        ending.reason,
    )
    return ending


def hand_on(settings: Settings, organization: str, project: str | None) -> None:
    """Enqueue what this project, or all of the organization, owes by now, such as the environments that a run of trunk
    has asked for.

    Without it they would wait for the clock's next second; a queue that is away is therefore no trouble.
    """
    try:
        moment = clock.now()
        with open_queue(settings) as connection:
            dispatch(connection, due(moment, organization=organization, project=project), now=moment)
    except ReconcilerError as error:
        log.warning("hand-on-failed project=%s: %s", project, error)


def _attempt(
    settings: Settings,
    environ: Mapping[str, str],
    held: Claim,
    flows: Callable[[str], Flow],
    now: Callable[[], datetime],
) -> Ending:
    """Run the flow, again at once while it loses races. Raises nothing but `LeaseLost`."""

    def renewed() -> None:
        renew(held, now=now())

    for race in range(1, RACES + 1):
        try:
            flow = flows(held.kind)
            context = open_context(
                settings, usable_installation(settings), held.organization, held.project, environ
            )
            # Whoever lost a race has seen too little.
            context.known = held.known and race == 1
            return of_outcome(flow(context, held.subject, renewed))
        except LeaseLost:
            raise
        except LostRace as error:
            log.info("lost-race kind=%s project=%s race=%d: %s", held.kind, held.project, race, error)
            if race == RACES:
                return of_error(error, held, now=now())
        except ReconcilerError as error:
            return of_error(error, held, now=now())
        except JobTimeoutException:
            log.exception("job-timeout kind=%s project=%s", held.kind, held.project)
            return of_timeout(JOB_SECONDS, held, now=now())
        except Exception as error:
            log.exception("job-failed kind=%s project=%s", held.kind, held.project)
            return of_surprise(error, held, now=now())
    raise RuntimeError("the loop above returns in its last round")


def _write(held: Claim, ending: Ending, now: datetime) -> None:
    """Write the ending, and an event when it is news that a person should hear."""
    with session.writing():
        before = Work.get_by_id(held.id)
        news = (before.outcome, before.reason) != (ending.outcome, ending.reason)
        kept = finish(
            held,
            ending.outcome,
            ending.reason,
            now=now,
            look_again_at=ending.look_again_at,
            attempts=ending.attempts,
        )
        # That an environment is stalled is said by its own flow, which knows more about it.
        told = held.kind == "environment" and ending.outcome == "stalled"
        if kept and news and not told and ending.outcome in {"stalled", "failed", "refused"}:
            Event.create(
                organization=held.organization,
                project=held.project,
                kind=f"work.{ending.outcome}",
                subject=held.subject,
                message=ending.reason,
                details={"kind": held.kind, "code": ending.code},
                at=now,
            )


@contextmanager
def _renewal(held: Claim, now: Callable[[], datetime]) -> Iterator[None]:
    """Renew the lease in a thread for as long as the block runs: one step may take longer than a lease."""
    stop = threading.Event()

    def keep() -> None:
        try:
            while not stop.wait(LEASE.total_seconds() / 3):
                try:
                    renew(held, now=now())
                except LeaseLost:
                    return  # The flow learns it at its own next renewal, or by the fence at the end.
                except ReconcilerError as error:
                    log.warning("renewal-failed kind=%s project=%s: %s", held.kind, held.project, error)
        finally:
            session.close()

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
