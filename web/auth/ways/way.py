"""What a way to sign in is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.db.people import Person


@dataclass(frozen=True, slots=True)
class Turned:
    """Nobody was recognised. `wait` says for how long nobody may try again, or is None. `person` is whose account it
    was tried at, where there is one: for the audit log, and never for who tries."""

    wait: timedelta | None = None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a way gets to know: the fields that were sent, and from where and when."""

    fields: Mapping[str, str]
    address: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign in. `recognise` gives the person, or says that there is none; `template` shows its form."""

    name: str
    template: str
    recognise: Callable[[Asked], Person | Turned]
