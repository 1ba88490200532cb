"""Sends a forge one request, and turns what may go wrong into what happens next."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from reconciler.config.characters import shown
from reconciler.egress.asking import Answer, Egress
from reconciler.errors import NotYet, Refused, Stalled, Transient
from reconciler.forge.port import Forge
from reconciler.forge.request import Request

T = TypeVar("T")
SECONDS = 15.0
LARGEST = 8 * 1024 * 1024
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
NOT_FOUND = 404
RESERVE = 20
"""Requests that are left to looks at pull requests, and to whoever else uses the credentials."""


class NotThere(Stalled):
    """What was named is not at the forge, or not for us to see."""


@dataclass(frozen=True, slots=True)
class Api:
    """A forge's API as one connection may use it."""

    forge: Forge
    address: str
    egress: Egress
    user: str = ""
    token: str = field(default="", repr=False)
    spent: list[timedelta] = field(default_factory=list)
    """How long to begin nothing more, each time when an answer said that little is left."""

    limited: Callable[[timedelta], None] | None = field(default=None, repr=False, compare=False)
    """Is told how long the forge wants to be left alone, whenever it says so."""

    expired: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    """Forgets the token; None where nobody but a person has another."""

    def send(self, request: Request, *, now: datetime) -> Any:
        """The answer's JSON, None when there is none or when it says that it is so already.

        Raises `NotYet` E-FRG-010 when the forge wants fewer requests, `Stalled` E-FRG-011 when it does not let us,
        `Refused` E-FRG-012 when it does not take what is said, `Transient` E-FRG-013 when it is unwell; of what
        `Egress.ask` raises an address that may not be asked is `Stalled`.
        """
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = self.forge.headers(self.user, self.token) if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self.egress.ask(
                self._base(request) + request.path,
                method=request.method,
                headers=headers,
                body=body,
                seconds=SECONDS,
                limit=LARGEST,
            )
        except Refused as refused:
            # The address is what is refused, not what is said: that is kept until a person has allowed it.
            raise Stalled(refused.code, refused.message, cure=refused.cure) from None
        if answer.status < 300:
            left = answer.headers.get("x-ratelimit-remaining", answer.headers.get("ratelimit-remaining", ""))
            if left.isascii() and left.isdigit() and int(left[:9]) < RESERVE:
                self.spent.append(self._leave(answer, now))
            return _document(answer, request)
        self._complain(answer, request, now)
        return None

    def ask(self, request: Request, read: Callable[[Any], T], *, now: datetime) -> T:
        """The answer as `read` understands it. Raises as `send` does, and `Transient` for an answer of another form."""
        document = self.send(request, now=now)
        try:
            return read(document)
        except (KeyError, TypeError, ValueError, AttributeError):
            path = request.path.partition("?")[0]
            raise Transient(
                "E-FRG-013", f"the forge's answer to {request.method} {path} has another form"
            ) from None

    def _base(self, request: Request) -> str:
        address = self.address.rstrip("/")
        return f"{address.rpartition('/api/')[0]}/{request.beside}" if request.beside else address

    def _leave(self, answer: Answer, now: datetime) -> timedelta:
        after = pause(answer.headers, now)
        if self.limited is not None:
            self.limited(after)
        return after

    def _complain(self, answer: Answer, request: Request, now: datetime) -> None:
        what = f"{request.method} {request.path.partition('?')[0]}"
        words = shown(answer.body[:300].decode("utf-8", "replace"))
        if request.fine_when and answer.status == 400 and request.fine_when.encode() in answer.body:
            return
        limited = answer.status == 429 or (
            answer.status == 403
            and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0")
        )
        if limited:
            raise NotYet(
                "E-FRG-010",
                f"the forge wants fewer requests (answered {answer.status} to {what})",
                after=self._leave(answer, now),
            )
        if answer.status == 401 and self.expired is not None:
            self.expired()
            raise Transient(
                "E-FRG-013",
                f"the forge no longer takes the App's token (answered 401 to {what}); another is asked for",
            )
        if answer.status in (401, 403, NOT_FOUND):
            kind = NotThere if answer.status == NOT_FOUND else Stalled
            raise kind(
                "E-FRG-011",
                f"the forge answered {answer.status} to {what}: {words}",
                cure="Check the connection's credentials and their rights, and `api`",
            )
        if answer.status >= 500 or answer.status in (408, 409, 425):
            raise Transient("E-FRG-013", f"the forge answered {answer.status} to {what}")
        raise Refused("E-FRG-012", f"the forge answered {answer.status} to {what}: {words}")


def pause(headers: Any, now: datetime) -> timedelta:
    """How long a forge asks to be left alone: by `Retry-After`, by the end of its window, or a minute."""
    wait = FIRST_PAUSE
    after = headers.get("retry-after", "")
    reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    if after.isascii() and after.isdigit():
        wait = timedelta(seconds=min(int(after), 10**6))
    elif after:
        try:
            moment = parsedate_to_datetime(after)
        except ValueError:
            moment = now
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    elif reset.isascii() and reset.isdigit() and len(reset) <= 11:
        wait = datetime.fromtimestamp(int(reset), UTC) - now
    return max(timedelta(seconds=1), min(wait, LONGEST_PAUSE))


def _document(answer: Answer, request: Request) -> Any:
    if not answer.body.strip():
        return None
    try:
        return None if answer.cut else json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Transient("E-FRG-013", f"the forge's answer to {request.method} is not JSON") from None
