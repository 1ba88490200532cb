"""The clock process: each second it dispatches what is owed, and begins the looks of the sweep that are due.

It decides nothing and only asks and enqueues, under deterministic names, so two clocks are harmless.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import redis
from apscheduler.schedulers.background import BackgroundScheduler

from reconciler import clock
from reconciler.db import session
from reconciler.db.audit import has_unsealed
from reconciler.db.drifting import forget_drift
from reconciler.db.enrolled import unrecorded
from reconciler.db.intake import Gap, Receipt
from reconciler.db.models import Pointer
from reconciler.db.owed import ask, due
from reconciler.db.reported import forget_reports
from reconciler.db.signals import forget_signals
from reconciler.errors import ReconcilerError
from reconciler.flows.noting import note_root
from reconciler.flows.publish import REDATE
from reconciler.jobs.configured import follow
from reconciler.jobs.installed import InstalledFile
from reconciler.jobs.queue import dispatch, open_queue
from reconciler.jobs.rebuilding import ask_for_rebuilds
from reconciler.jobs.starting import start_process
from reconciler.jobs.sweep import ASK_AGAIN_AFTER, Sweeper
from reconciler.settings import Settings
from reconciler.store.choose import open_store
from reconciler.store.port import BlobStore

log = logging.getLogger(__name__)

RETAIN_SECONDS = 6 * 3600
"""How often bundles that nobody needs are looked for."""

CONFIGURATION_SECONDS = 30
"""How often the repository of the server configuration is asked for its head."""

RECEIPTS_KEPT = timedelta(days=30)
"""Forges offer redelivery for days; a delivery that comes again later than this is simply looked at again."""


ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Clock:
    """What happens at each tick, apart from the schedule that calls it."""

    installed: InstalledFile
    queue: redis.Redis
    sweeper: Sweeper
    store: BlobStore
    now: Callable[[], datetime] = clock.now
    follow: Callable[[], bool] = lambda: False
    """Brings the server configuration to what its repository has, if it has one."""
    _problems: dict[str, str] = field(default_factory=dict)
    _redated: dict[tuple[str, str, str], datetime] = field(default_factory=dict)

    def dispatch(self) -> int:
        """Enqueue everything that is owed and has no job; return how many jobs that made."""
        moment = self.now()
        return dispatch(self.queue, due(moment), now=moment)

    def sweep(self) -> int:
        """Begin the looks that are due."""
        return self.sweeper.start_due(self.installed.current(), self.now)

    def redate(self) -> int:
        """Ask for every environment with a pointer that was issued too long ago; return how many."""
        moment = self.now()
        with session.reading():
            old = (
                Pointer.select(Pointer.organization, Pointer.project, Pointer.environment)
                .where(Pointer.issued_at <= moment - REDATE)
                .distinct()
            )
            names = sorted((row.organization, row.project, row.environment) for row in old)
        asked = 0
        for name in names:
            # Asking more often would break the back-off of an environment that cannot be signed for.
            if moment - self._redated.get(name, datetime.min.replace(tzinfo=UTC)) >= ASK_AGAIN_AFTER:
                organization, project, environment = name
                ask(organization, project, "environment", environment, now=moment)
                self._redated[name] = moment
                asked += 1
        return asked

    def configuration(self) -> int:
        """Follow the repository of the server configuration; return how many files changed."""
        return int(self.follow())

    def rebuild(self) -> int:
        """Ask for live bundles to be rebuilt from their commits; return how many."""
        return ask_for_rebuilds(self.installed.current(), self.now())

    def audit(self) -> int:
        """Ask for the audit log of every organization that has rows which are not sealed; return of how many."""
        asked = 0
        for organization in self.installed.current().organizations:
            if organization.projects and has_unsealed(organization.slug):
                ask(organization.slug, organization.projects[0].slug, "audit", now=self.now())
                asked += 1
        return asked

    def enrol(self) -> int:
        """Ask for the records of nodes that have changed without anybody asking; return of how many projects."""
        asked = 0
        for organization in self.installed.current().organizations:
            for project in organization.projects:
                with session.reading():
                    owed = unrecorded(organization.slug, project.slug)
                if owed:
                    ask(organization.slug, project.slug, "enrolment", now=self.now())
                    asked += 1
        return asked

    def roots(self) -> int:
        """Notice roots that were published since; return of how many organizations."""
        noted = 0
        for organization in self.installed.current().organizations:
            projects = [project.slug for project in organization.projects]
            noted += note_root(self.store, organization.slug, projects, now=self.now())
        return noted

    def retain(self) -> int:
        """Ask for every project's bundles to be gone through; return of how many projects."""
        projects = [
            p for organization in self.installed.current().organizations for p in organization.projects
        ]
        for project in projects:
            ask(project.organization, project.slug, "retention", now=self.now())
        return len(projects)

    def forget(self) -> int:
        """Delete receipts, gaps, measurements and drift that nobody needs any more; return how many."""
        old = self.now() - RECEIPTS_KEPT
        with session.writing():
            deleted: int = Receipt.delete().where(Receipt.received_at < old).execute()
            deleted += Gap.delete().where(Gap.found_at < old).execute()
        now = self.now()
        return deleted + forget_signals(now=now) + forget_reports(now=now) + forget_drift(now=now)

    def guarded(self, name: str, action: Callable[[], int]) -> None:
        """Run one action of a tick. Trouble is logged when it begins, changes and ends; the next tick tries again."""
        try:
            action()
        except ReconcilerError as error:
            if self._problems.get(name) != error.code:
                log.warning("%s-failed: %s", name, error)
            self._problems[name] = error.code
        except Exception:
            log.exception("%s-failed", name)
        else:
            if self._problems.pop(name, None):
                log.info("%s-works-again", name)


def run_clock(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Run the schedule until SIGTERM or SIGINT. Valkey, a forge or the database being away does not end it."""
    start_process(settings)
    installed = InstalledFile(settings.config_file)
    ticking = Clock(
        installed=installed,
        queue=open_queue(settings),
        sweeper=Sweeper(
            folder=installed.folder,
            environ=os.environ if environ is None else environ,
            every=timedelta(seconds=settings.sweep_seconds),
        ),
        store=open_store(settings),
        follow=lambda: follow(settings, os.environ if environ is None else environ),
    )
    scheduler = schedule(ticking)
    # Blocked before any thread starts and then waited for: no moment is left in which a signal could get lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    scheduler.start()
    log.info("clock-started sweep_seconds=%g", settings.sweep_seconds)
    signal.sigwait(ENDING)
    ticking.sweeper.close()
    scheduler.shutdown(wait=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def schedule(ticking: Clock) -> BackgroundScheduler:
    """The times of the clock, as a table. A tick that is late or still running is left out, never run twice."""
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    table: tuple[tuple[str, Callable[[], int], float], ...] = (
        ("dispatch", ticking.dispatch, 1),
        ("sweep", ticking.sweep, 1),
        ("redate", ticking.redate, 60),
        ("roots", ticking.roots, 5),
        ("configuration", ticking.configuration, CONFIGURATION_SECONDS),
        ("audit", ticking.audit, 2),
        ("enrol", ticking.enrol, 60),
        ("rebuild", ticking.rebuild, 300),
        ("forget", ticking.forget, 3600),
        ("retain", ticking.retain, RETAIN_SECONDS),
    )
    for name, action, seconds in table:
        scheduler.add_job(
            ticking.guarded, "interval", (name, action), seconds=seconds, id=name, next_run_time=ticking.now()
        )
    return scheduler
