"""One feature of the language, and how far each version of the proxy does it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.config.proxies import PROXY_VERSIONS


class Level(StrEnum):
    """How a feature reaches the requests."""

    native = "native"
    agent = "agent"
    ineffective = "ineffective"
    impossible = "impossible"


@dataclass(frozen=True, slots=True)
class Feature:
    """One row.

    `name` is the field's path in the language, with a word for a special case of it behind. `what` begins a sentence.
    `levels` are pairs of the first version and the level that holds from it on, oldest first. `note` says how it is
    done or why it is not; `loses` what does not survive; `instead` what to do, for whatever is not done.
    """

    name: str
    what: str
    levels: tuple[tuple[str, Level], ...]
    note: str = ""
    loses: str = ""
    instead: str = ""

    def level(self, version: str) -> Level:
        """The level on a version of the proxy. Raises KeyError for one older than the first."""
        wanted = _number(version)
        found = [level for since, level in self.levels if _number(since) <= wanted]
        if not found:
            raise KeyError(f"{self.name} is not known on {version}")
        return found[-1]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def row(name: str, level: Level, what: str, note: str = "", *, loses: str = "", instead: str = "") -> Feature:
    """A row whose level is the same on every version that is written for."""
    return Feature(name, what, ((PROXY_VERSIONS[0], level),), note, loses, instead)
