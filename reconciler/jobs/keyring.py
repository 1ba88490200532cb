"""Which queues a worker can serve with the signing keys that are within its reach. It looks, and keeps none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.config.installation import Installation
from reconciler.errors import Stalled
from reconciler.flows.roots import held_keys
from reconciler.jobs.queue import QUEUES

ROLES_OF_QUEUE = {"compile": ("bundle",), "release": ("pointer", "commit")}


@dataclass(frozen=True, slots=True)
class Lacking:
    """A queue that cannot be served, and why: the role, and what was found at its URIs."""

    queue: str
    organization: str
    role: str
    words: str

    def __str__(self) -> str:
        return (
            f"the queue '{self.queue}' needs the {self.role} key of organization '{self.organization}': "
            f"{self.words}"
        )


def lacking(installation: Installation, *, folder: Path, environ: Mapping[str, str]) -> tuple[Lacking, ...]:
    """What keeps this process from serving a queue: for each organization the roles of which it can load no key."""
    found = []
    for queue, roles in ROLES_OF_QUEUE.items():
        for organization in installation.organizations:
            for role in roles:
                held = held_keys(organization, role, folder=folder, environ=environ)
                if all(key.key is None for key in held):
                    words = "; ".join(str(key.problem) for key in held)
                    found.append(Lacking(queue, organization.slug, role, words))
    return tuple(found)


def servable(found: tuple[Lacking, ...]) -> tuple[str, ...]:
    """The queues that a worker takes when nobody names any. Raises `Stalled` E-JOB-005 when it lacks a key for each."""
    left_out = {item.queue for item in found}
    if left_out == set(ROLES_OF_QUEUE):
        raise Stalled(
            "E-JOB-005",
            f"this worker can serve no queue: {'; '.join(str(item) for item in found)}",
            cure="Give it the keys of one queue; docs/keys.md says which",
        )
    return tuple(queue for queue in QUEUES if queue not in left_out)
