"""What a second factor is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.db.people import Person
from web.auth.ways.way import Asked


@dataclass(frozen=True, slots=True)
class Factor:
    """`wanted` says whether a person has to show it after this way to sign in; `template` shows its form.

    `passes` looks at what was sent, and must take each code once. It is asked as seldom as a password: attempts are
    counted before it is, and whoever is wrong waits longer each time.
    """

    name: str
    template: str
    wanted: Callable[[Person, str], bool]
    passes: Callable[[Person, Asked], bool]
