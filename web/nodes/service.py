"""One worker's running parts: memory, the tasks that fill and drain it, and the threads that may wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from reconciler import clock
from reconciler.db.session import close, connect
from reconciler.settings import Settings, read_settings
from reconciler.store.choose import open_store
from web.nodes.artifacts import Artifacts
from web.nodes.directory import Directory
from web.nodes.downloads import Downloads
from web.nodes.heartbeats import Heartbeats
from web.nodes.loading import Loader
from web.nodes.metrics import Metrics
from web.nodes.rules import Rules
from web.nodes.tokens import Tokens

REFRESH_SECONDS = 1.0
STALE_SECONDS = 15.0
"""Memory older than this is still served, since nodes check what they get, but `/ready` says so."""

EARLY_SECONDS = 0.25
"""At most so often does an unknown credential cause a look before its time."""

log = logging.getLogger("sentinel.nodes")


@dataclass(slots=True)
class Service:
    """Built once for each worker by `open_service`; `start` and `stop` bracket its life on the event loop."""

    settings: Settings
    directory: Directory
    artifacts: Artifacts
    loader: Loader
    heartbeats: Heartbeats
    metrics: Metrics
    tokens: Tokens
    rules: Rules
    now: Callable[[], datetime]
    writer: ThreadPoolExecutor
    reader: ThreadPoolExecutor
    files: ThreadPoolExecutor
    downloads: Downloads = field(default_factory=Downloads)
    waiting: int = 0
    """Batches of nodes that are on their way to the database."""
    trouble: str = "the first look at the database has not ended"
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _looked: asyncio.Future[None] | None = None

    @property
    def tokens_only(self) -> frozenset[str]:
        """The projects whose nodes have to show a token where they could show their key."""
        return self.rules.tokens_only

    async def start(self) -> None:
        """Look once, so that the first request finds something, and start the tasks."""
        await self._look()
        self._tasks = [
            asyncio.create_task(self._refresh(), name="refresh"),
            asyncio.create_task(self.heartbeats.run(), name="heartbeats"),
        ]

    async def stop(self) -> None:
        """Let parked polls go, write what was reported, end the threads."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.directory.wake()
        await self.heartbeats.flush()
        loop = asyncio.get_running_loop()
        for pool in (self.writer, self.reader):
            # A SQLite connection belongs to its thread and is closed there.
            await loop.run_in_executor(pool, close)
        for pool in (self.writer, self.reader, self.files):
            pool.shutdown(wait=True, cancel_futures=True)

    async def look_early(self) -> None:
        """Wait for a look that begins after now, at most a second: a node may have registered with another worker."""
        if self._looked is None:
            self._looked = asyncio.get_running_loop().create_future()
        self._wanted.set()
        try:
            await asyncio.wait_for(asyncio.shield(self._looked), REFRESH_SECONDS)
        except TimeoutError:
            return

    def missing(self) -> str:
        """What keeps this worker from being ready, in words; empty when nothing does."""
        if self.trouble:
            return self.trouble
        age = time.monotonic() - (self.directory.loaded_at or 0.0)
        return f"the last look at the database was {age:.0f} s ago" if age > STALE_SECONDS else ""

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(EARLY_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), REFRESH_SECONDS - EARLY_SECONDS)
            self._wanted.clear()
            waiting, self._looked = self._looked, None
            await self._look()
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    async def _look(self) -> None:
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.reader, self.rules.look)
            changes = await loop.run_in_executor(self.reader, self.loader.look)
        except Exception as error:  # noqa: BLE001 — whatever is away, nodes are served from memory until it is back.
            self.metrics.refresh_failures += 1
            words = f"{type(error).__name__}: {error}"
            if words != self.trouble:
                log.warning("nodes are served from memory: %s", words)
            self.trouble = words
            return
        if self.trouble and self.directory.loaded_at is not None:
            log.warning("database and store answer again")
        self.trouble = ""
        self.directory.apply(
            changes.nodes,
            changes.retired,
            changes.environments,
            changes.blobs,
            whole=changes.whole,
            at=started,
        )
        self.tokens.learn(changes.token_keys, looked=started)
        self.metrics.refreshes += 1
        self.metrics.refresh_seconds = time.monotonic() - started


def open_service(environ: Mapping[str, str], *, now: Callable[[], datetime] = clock.now) -> Service:
    """Build a worker's parts from an environment like `os.environ`. Call on the event loop. Raises `Stalled`."""
    settings = read_settings(environ)
    connect(settings)
    artifacts = Artifacts(open_store(settings))
    rules = Rules(settings.config_file)
    rules.look()
    writer = ThreadPoolExecutor(1, "nodes-writer")
    return Service(
        settings=settings,
        directory=Directory(),
        artifacts=artifacts,
        loader=Loader(artifacts),
        heartbeats=Heartbeats(writer, now, log.warning),
        metrics=Metrics(),
        tokens=Tokens(),
        rules=rules,
        now=now,
        writer=writer,
        reader=ThreadPoolExecutor(1, "nodes-reader"),
        files=ThreadPoolExecutor(4, "nodes-files"),
    )
