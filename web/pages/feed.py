"""The feed behind live pages: one thread in each process looks for changes and wakes the streams of that project.

The thread starts with the first stream and ends after the last, so a process that forks has none. It looks only at
projects that somebody watches, and slows down by itself when looking is slow.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from reconciler.clock import iso
from reconciler.errors import ReconcilerError
from web.pages.scope import Scope
from web.pages.stamps import differing, encode

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.7
"""How often the database is asked. It is what a page adds to the time between a change and its being seen."""

SLOW_SHARE = 10
"""A look that takes long is followed by a pause of this many times its length."""

BEAT_SECONDS = 3.0
"""How often a stream says that nothing changed. A gone reader is noticed at the next write."""

LONGEST_SECONDS = 900.0
"""After this a stream ends, and its page opens another: no slot is held for ever."""

Look = Callable[[Scope], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The tokens of a project and when they were read."""

    tokens: dict[str, str]
    at: datetime


class Feed:
    """Looks on behalf of all streams of this process; `most` streams at once."""

    def __init__(
        self, look: Look, *, now: Callable[[], datetime], most: int, pause: float = LOOK_SECONDS
    ) -> None:
        self._look, self._now, self._pause = look, now, pause
        self.most = most
        self._changed = threading.Condition()
        self._watched: dict[Scope, int] = {}
        self._readers: dict[str, Subscription] = {}
        self._seen: dict[Scope, Seen] = {}
        self._thread: threading.Thread | None = None

    @property
    def streams(self) -> int:
        """How many streams are open."""
        with self._changed:
            return sum(self._watched.values())

    def subscribe(self, scope: Scope, reader: str = "") -> Subscription | None:
        """A place at the feed, to be closed by the caller, or None when all places are taken.

        A `reader` (one tab of a browser, named by itself) has one stream: an older one of it ends at once. Without
        this a person who goes through pages quickly would fill all places with streams that nobody reads.
        """
        with self._changed:
            older = self._readers.pop(reader, None)
        if older is not None:
            older.close()
        with self._changed:
            if sum(self._watched.values()) >= self.most:
                return None
            self._watched[scope] = self._watched.get(scope, 0) + 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="page-feed", daemon=True)
                self._thread.start()
            subscription = Subscription(self, scope, reader)
            if reader:
                self._readers[reader] = subscription
            return subscription

    def leave(self, subscription: Subscription) -> None:
        """Give a place back; called by `Subscription.close` alone."""
        scope = subscription.scope
        with self._changed:
            if self._readers.get(subscription.reader) is subscription:
                del self._readers[subscription.reader]
            left = self._watched.get(scope, 0) - 1
            if left > 0:
                self._watched[scope] = left
            else:
                self._watched.pop(scope, None)
                self._seen.pop(scope, None)
            self._changed.notify_all()

    def wait(
        self, subscription: Subscription, known: dict[str, str] | None, *, seconds: float
    ) -> Seen | None:
        """What was seen as soon as it differs from `known`, or what is known after `seconds`; None: nothing yet."""

        def news() -> bool:
            seen = self._seen.get(subscription.scope)
            return subscription.closed() or (seen is not None and bool(differing(known, seen.tokens)))

        with self._changed:
            self._changed.wait_for(news, timeout=seconds)
            return self._seen.get(subscription.scope)

    def _run(self) -> None:
        while True:
            with self._changed:
                scopes = list(self._watched)
                if not scopes:
                    self._thread = None
                    return
            began = monotonic()
            for scope in scopes:
                self._look_at(scope)
            pause = max(self._pause, SLOW_SHARE * (monotonic() - began))
            with self._changed:
                self._changed.wait_for(lambda: any(s not in self._seen for s in self._watched), timeout=pause)

    def _look_at(self, scope: Scope) -> None:
        at = self._now()
        try:
            tokens = self._look(scope)
        except ReconcilerError as error:
            log.warning("page-feed-look-failed: %s", error)
            with self._changed:
                self._changed.wait(timeout=self._pause)
            return
        with self._changed:
            if scope in self._watched:
                self._seen[scope] = Seen(tokens, at)
                self._changed.notify_all()


class Subscription:
    """One stream's place at the feed."""

    def __init__(self, feed: Feed, scope: Scope, reader: str) -> None:
        self._feed, self.scope, self.reader = feed, scope, reader
        self._open = True

    def closed(self) -> bool:
        """Whether the place was given back."""
        return not self._open

    def close(self) -> None:
        """Give the place back; twice is harmless."""
        if self._open:
            self._open = False
            self._feed.leave(self)

    def frames(
        self, since: dict[str, str] | None, *, beat: float = BEAT_SECONDS, longest: float = LONGEST_SECONDS
    ) -> Iterator[str]:
        """Server-sent events (WHATWG HTML, 9.2): `change` with the topics that moved, `beat` when none did.

        `since` is what the page shows, or None for a page that only wants what comes from now on.
        """
        ends = monotonic() + longest
        known, begun = since, False
        try:
            yield "retry: 2000\n\n"
            while monotonic() < ends:
                # The first frame comes as soon as anything was seen, so a page knows at once that it is live.
                seen = self._feed.wait(self, known if begun else None, seconds=beat)
                begun = begun or seen is not None
                if self.closed():
                    return
                if seen is None:
                    yield ": waiting for the database\n\n"
                    continue
                topics = [] if known is None else differing(known, seen.tokens)
                known = seen.tokens
                yield _frame("change" if topics else "beat", encode(seen.tokens), topics, seen.at)
        finally:
            self.close()


def _frame(kind: str, identifier: str, topics: list[str], at: datetime) -> str:
    return f'event: {kind}\nid: {identifier}\ndata: {{"topics": "{" ".join(topics)}", "at": "{iso(at)}"}}\n\n'
