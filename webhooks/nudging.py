"""Enqueues what deliveries asked for, from a thread of its own: an answer never waits for the queue.

Many deliveries make one look at what is owed. What cannot be enqueued stays owed, and the clock enqueues it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from reconciler import clock
from reconciler.db import session
from reconciler.db.owed import due
from reconciler.errors import ReconcilerError
from reconciler.jobs.queue import dispatch, open_queue
from reconciler.settings import Settings

REST = 10.0
LONGEST_REST = 1.0
"""After a look its thread rests for so many times as long as it took, and at most so many seconds."""

log = logging.getLogger(__name__)


class Nudger:
    """Starts its thread at the first call, so that it lives in the process that answers and not in its parent."""

    def __init__(
        self,
        settings: Settings,
        *,
        counted: Callable[[str], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._settings = settings
        self._counted = counted
        self._now = now
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have what is owed by now enqueued soon. Returns at once and never fails."""
        self._wanted.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        connection = open_queue(self._settings)
        while True:
            self._wanted.wait()
            self._wanted.clear()
            began = time.monotonic()
            try:
                moment = self._now()
                dispatch(connection, due(moment), now=moment)
            except ReconcilerError as error:
                log.warning("nudge-failed: %s", error)
                self._counted("failed")
            except Exception:
                log.exception("nudge-failed")
                self._counted("failed")
            else:
                self._counted("done")
            finally:
                session.close()
            # Under load fewer looks, each for more deliveries, leave the processor to those who answer.
            time.sleep(min(REST * (time.monotonic() - began), LONGEST_REST))
