"""What a node shows to the control plane: a token, which it gets for its key and keeps in memory alone.

A token is asked for when there is none, when it is about to end, and when it is not accepted. The key is changed in
three steps, of which each may be the last one before a power cut: the new one is kept, the control plane is told its
SHA-256, the old one is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.errors import Stalled
from reconciler.node import protocol
from reconciler.node.effects import (
    Answer,
    Effect,
    Failed,
    HttpReply,
    HttpRequest,
    Known,
    LoadIdentity,
    SaveIdentity,
    Say,
)
from reconciler.node.state import Identity

EARLY = timedelta(minutes=5)
"""So long before its end a token is replaced; a shorter one at half of its life."""


@dataclass(slots=True)
class Credentials:
    """The token of one node. `now` may jump: then a token is asked for too early, or after it was refused once."""

    now: Callable[[], datetime]
    _token: str = ""
    _renew_at: datetime | None = None

    def ask(self, identity: Identity, request: HttpRequest) -> Generator[Effect, Answer, Answer]:
        """Ask the control plane as this node; a token that is not accepted is replaced once. Mirrors are shown
        nothing."""
        if request.source:
            return (yield request)
        for last in (False, True):
            if not self._token or self._renew_at is None or self.now() >= self._renew_at:
                failed = yield from self._renew(identity)
                if failed is not None:
                    return failed
            answer = yield _shown(request, self._token)
            if last or not isinstance(answer, HttpReply) or answer.status != 401:
                break
            self._token = ""
        return answer

    def _renew(self, identity: Identity) -> Generator[Effect, Answer, Answer | None]:
        """Get a token; the answer that is none, when there is none."""
        answer: Answer = Failed("nothing was asked")
        for key in (identity.key, identity.next_key):
            if key:
                answer = yield _shown(protocol.token(identity), key)
                if not isinstance(answer, HttpReply) or answer.status != 401:
                    break
        if not isinstance(answer, HttpReply) or answer.status != 200:
            return answer
        self._token, seconds = protocol.read_token(answer)
        life = timedelta(seconds=seconds)
        self._renew_at = self.now() + max(life - EARLY, life / 2)
        return None


def reread(known: Identity) -> Generator[Effect, Answer, Identity]:
    """Who this node is by its files: another process may have changed its key."""
    answer = yield LoadIdentity()
    if isinstance(answer, Known) and answer.identity is not None and answer.identity.id == known.id:
        return answer.identity
    return known


def change_key(identity: Identity, make_key: Callable[[], str]) -> Generator[Effect, Answer, Identity]:
    """Put another key in the place of the node's, or end a change that was begun. Raises `ReconcilerError`."""
    if not identity.next_key:
        identity = replace(identity, next_key=make_key())
        yield from _keep(identity)
    request = protocol.new_key(identity, identity.next_key)
    answer = yield _shown(request, identity.key)
    if isinstance(answer, HttpReply) and answer.status == 401:
        # Perhaps it knows the new one already, from a change whose answer was lost.
        answer = yield _shown(request, identity.next_key)
    protocol.expect(answer, 204)
    identity = replace(identity, key=identity.next_key, next_key="")
    yield from _keep(identity)
    yield Say("key-replaced", {"node": identity.id})
    return identity


def leave(identity: Identity) -> Generator[Effect, Answer, None]:
    """End the registration. Raises `ReconcilerError`."""
    answer: Answer = Failed("nothing was asked")
    for key in (identity.key, identity.next_key):
        if key:
            answer = yield _shown(protocol.departure(identity), key)
            if not isinstance(answer, HttpReply) or answer.status != 401:
                break
    protocol.expect(answer, 204)
    yield Say("deregistered", {"node": identity.id})


def _keep(identity: Identity) -> Generator[Effect, Answer, None]:
    saved = yield SaveIdentity(identity)
    if isinstance(saved, Failed):
        raise Stalled(
            "E-NOD-003",
            f"the identity could not be kept: {saved.words}",
            cure="Free space in the node's home",
        )


def _shown(request: HttpRequest, credential: str) -> HttpRequest:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {credential}"})
