"""How the worker and the clock start: logging, UTC, and a database at this version's tables."""

from __future__ import annotations

import logging
import os
import sys
import time

from reconciler.db.migrate import migrate
from reconciler.errors import Transient
from reconciler.settings import Settings

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


def start_process(settings: Settings) -> None:
    """Make this process ready to work: log to stderr, live in UTC, migrate the database once it can be reached.

    Raises `Stalled` when the database can be reached but not used.
    """
    log_to_stderr()
    # RQ reads some times as local ones.
    os.environ["TZ"] = "UTC"
    time.tzset()
    while True:
        try:
            migrate(settings)
        except Transient as error:
            log.warning("database-away: %s", error)
            time.sleep(RETRY_SECONDS)
        else:
            return


def log_to_stderr() -> None:
    """One line for each event, with its time in UTC: ours from INFO up, the libraries' from WARNING up."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        formatter = logging.Formatter(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for ours in ("reconciler", "webhooks"):
        logging.getLogger(ours).setLevel(logging.INFO)
