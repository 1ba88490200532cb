"""What a way to sign in is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.db.people import Person


@dataclass(frozen=True, slots=True)
class Turned:
    """Nobody was recognised. `wait` says for how long nobody may try again, or is None. `person` is whose account it
    was tried at, where there is one: for the audit log, and never for who tries. `told` is what who tries reads, where
    a way has more to say than that there is no such account."""

    wait: timedelta | None = None
    person: Person | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a way gets to know: the fields that were sent, from where and when, and what it had the browser keep.

    `back` is the address that another site sends the browser back to, and `state` what it has to send along."""

    fields: Mapping[str, str]
    address: str
    now: datetime
    back: str = ""
    state: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Somebody signs in at another site: its URL, and what the way wants back (a nonce, the verifier of RFC 7636).

    `keep` goes into a signed cookie of that browser: whoever sits in front of it can read it, and nobody change it."""

    url: str
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign in. `recognise` gives the person, or says that there is none; `template` shows its form or link.

    A way with `begin` sends the browser to another site. `recognise` is asked when it comes back within ten minutes
    with the `state` that it left with, in the field `state_field`; without that nothing is looked at. What it takes
    from there it must take once: the cookie can be copied by whoever sits in front of the browser.
    """

    name: str
    template: str
    recognise: Callable[[Asked], Person | Turned]
    begin: Callable[[Asked], Elsewhere] | None = None
    state_field: str = "state"
