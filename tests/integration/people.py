"""People who sign what they commit, on trunk and on the branches of environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey

from reconciler.config.source import SIGNERS
from reconciler.flows import envbranch
from reconciler.git.identity import Identity
from reconciler.git.sshsig import public_line
from reconciler.git.writing import commit_edit, push
from reconciler.release.approvals import expected_plan
from reconciler.release.ballot import Ballot, render_ballot
from reconciler.release.render import render_release
from reconciler.release.state import Release
from tests.integration.environment_world import World


@dataclass(frozen=True)
class Person:
    """Somebody with a key of their own."""

    name: str
    email: str
    key: SigningKey

    @property
    def identity(self) -> Identity:
        return Identity(self.name, self.email)

    @property
    def signer(self) -> str:
        return f"{self.email} {public_line(bytes(self.key.verify_key), self.name)}"


def person(name: str) -> Person:
    seed = name.encode().ljust(32, b"-")
    return Person(name, f"{name.lower()}@example.com", SigningKey(seed))


ADA, BOB, CAROL, DAN = (person(name) for name in ("Ada", "Bob", "Carol", "Dan"))
EVERYBODY = "".join(f"{one.signer}\n" for one in (ADA, BOB, CAROL, DAN))


def commit(
    world: World,
    branch: str,
    files: dict[str, bytes | None],
    by: Person,
    *,
    message: str = "By hand",
    signed: bool = True,
) -> str:
    """A person's commit on a branch, pushed."""
    ref = f"refs/heads/{branch}"
    head = world.person.fetch().get(ref)
    sha = commit_edit(
        world.person, head, files, message=message, author=by.identity, committer=by.identity,
        when=world.moment, key=by.key if signed else None,
    )  # fmt: skip
    push(world.person, ref, sha, head)
    return sha


def trunk(world: World, text: str, by: Person, signers: str = EVERYBODY) -> tuple[str, str]:
    """A real commit of trunk that says whose key is whose, and compiles to a bundle of `text`."""
    files = {SIGNERS: signers.encode(), "text": text.encode()}
    sha = commit(world, "main", files, by, message=f"Change to {text}")
    world.context.mirror.fetch()
    return world.trunk(text, sha)


def promote(world: World, environment: str, digest: str, by: Person, **said: Any) -> str:
    """A person's wish."""
    release = Release(digest, why="please", by=str(by.identity), **said)
    return commit(world, f"env/{environment}", {"release.kdl": render_release(release)}, by)


def say(
    world: World,
    environment: str,
    digest: str,
    who: Person,
    /,
    *,
    by: Person | None = None,
    signed: bool = True,
    message: str = "By hand",
    **said: Any,
) -> str:
    """An approval of what is proposed now, in the name of `who`, committed by somebody."""
    fields: dict[str, Any] = {
        "verdict": "approve",
        "environment": environment,
        "plan": plan(world, environment),
    }
    ballot = Ballot(person=who.email, digest=digest, at=world.moment, **{**fields, **said})
    return commit(
        world,
        f"env/{environment}",
        {ballot.path: render_ballot(ballot)},
        by or who,
        message=message,
        signed=signed,
    )


def plan(world: World, environment: str) -> str:
    """The hash of the plan that an approval has to name now."""
    head = world.head(environment)
    assert head is not None
    keys = envbranch.commit_keys(world.context)
    state = envbranch.read_branch(world.person, head, environment, keys).state
    return expected_plan(state, next(policy for policy in world.policies if policy.name == environment))


def waiting(world: World, environment: str) -> dict[str, str]:
    """What the page says it waits for: the first message of each code."""
    reasons = reversed(world.environment(environment).view["waiting"])
    return {reason["code"]: reason["message"] for reason in reasons}
