"""A GitHub App: proves by a signed token that it is itself, and gets one that is good for an hour. Nothing is kept on a
disk, and nothing of it is logged. docs.github.com/apps
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

from reconciler.egress.asking import Egress
from reconciler.errors import Stalled
from reconciler.forge import github
from reconciler.forge.calling import Api
from reconciler.forge.request import Request, moment, text

USER = "x-access-token"
"""The user of an installation's token, for git."""

SKEW = timedelta(minutes=1)
LIFE = timedelta(minutes=9)
"""GitHub takes no token that lasts longer than ten minutes, by its own clock."""

BEFORE_THE_END = timedelta(minutes=10)
"""A token that has less than this left is replaced: a job may take as long."""


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's token."""

    value: str = field(repr=False)
    ends: datetime


@dataclass(slots=True)
class Tokens:
    """The tokens of this process, by API, App and installation."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[tuple[str, str, str], Token] = field(default_factory=dict, repr=False)

    def token(
        self,
        address: str,
        app: str,
        installation: str,
        *,
        key: Callable[[], bytes],
        egress: Egress,
        now: datetime,
    ) -> str:
        """A token that is good for a while. The key is loaded only when a new one has to be asked for.

        Raises `Stalled` E-FRG-041 for a key that is none, and otherwise as `Api.send`.
        """
        name = (address, app, installation)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept.ends - now < BEFORE_THE_END:
                kept = _asked(address, app, installation, key(), egress, now)
                self._kept[name] = kept
            return kept.value

    def forget(self, value: str) -> None:
        """A forge refused this token: the next one who wants a token gets another."""
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if kept.value != value}


TOKENS = Tokens()


def _asked(address: str, app: str, installation: str, key: bytes, egress: Egress, now: datetime) -> Token:
    claims = {"iat": int((now - SKEW).timestamp()), "exp": int((now + LIFE).timestamp()), "iss": app}
    try:
        proof = jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        # Whatever the library says may hold parts of what it was given.
        raise Stalled(
            "E-FRG-041",
            f"the private key of the App {app} cannot be used",
            cure="Put the PEM there that GitHub gave when the key was made: it begins with -----BEGIN RSA PRIVATE KEY",
        ) from None
    api = Api(github.FORGE, address, egress, token=proof)
    return api.ask(Request("POST", f"/app/installations/{installation}/access_tokens"), _read, now=now)


def _read(document: Any) -> Token:
    value = text(document["token"])
    if not value:
        raise ValueError("no token")
    return Token(value, moment(document["expires_at"]))
