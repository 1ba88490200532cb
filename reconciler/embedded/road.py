"""The whole road as legs: what `sentinelctl demo` plays on an embedded system, and what each leg must show.

People's part is done with the real tools: git pushes, `sentinelctl promote` in a clone. What happened is read from the
database, the nodes' own reports included, and from the branches.
"""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reconciler.db.models import Commit, Environment, Node, Rollout
from reconciler.db.session import connect, reading
from reconciler.embedded.bootstrap import ORGANIZATION, PROJECT
from reconciler.embedded.programs import FLEET
from reconciler.embedded.supervisor import python
from reconciler.embedded.system import EmbeddedSystem
from reconciler.errors import Stalled

T = TypeVar("T")

LEG_SECONDS = 60.0
"""No leg takes longer than a few seconds; a loaded machine may need some times more."""

LOOK_SECONDS = 0.1
FREEZES = "operations/freeze-windows.kdl"
TARGET = re.compile(r'target "([^"]+)"')
IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Operator",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Operator",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


class Road:
    """One clone of the config repository of a running embedded system, and eyes on what becomes of its pushes."""

    def __init__(self, system: EmbeddedSystem, clone: Path) -> None:
        self.system = system
        self.clone = clone
        connect(system.settings)
        self.tool(["git", "clone", "--quiet", system.clone_url, str(clone)], folder=clone.parent)
        self.tool(["git", "config", "user.name", IDENTITY["GIT_AUTHOR_NAME"]])
        self.tool(["git", "config", "user.email", IDENTITY["GIT_AUTHOR_EMAIL"]])

    def head(self) -> str:
        """The commit that the clone stands on."""
        return self.tool(["git", "rev-parse", "HEAD"]).strip()

    def push(self, subject: str) -> str:
        """Commit everything that changed in the clone, push it to trunk, and return the commit."""
        self.tool(["git", "add", "--all"])
        self.tool(["git", "commit", "--quiet", "-m", subject])
        self.tool(["git", "push", "--quiet", "origin", "HEAD:main"])
        return self.head()

    def promote(self, environment: str) -> None:
        """`sentinelctl promote`, run in the clone as a person would."""
        self.tool([*python("-m", "reconciler.cli.main", "promote", environment, "--why", "the demo goes on")])

    def upstream_file(self) -> Path:
        """The first file of the clone, by name, that holds a target."""
        for path in sorted(self.clone.rglob("*.kdl")):
            if TARGET.search(path.read_text()):
                return path
        raise Stalled("E-DEM-001", f"no file in {self.clone} holds a target", cure="Check repo-template")

    def move_targets(self, network: str) -> None:
        """Move each target of the first upstream file into `network`, such as `10.77` or `192.0.2`."""
        path = self.upstream_file()
        path.write_text(TARGET.sub(lambda found: f'target "{_moved(found[1], network)}"', path.read_text()))

    def revert_last(self) -> str:
        """`git revert` of the newest trunk commit, pushed."""
        self.tool(["git", "revert", "--no-edit", "HEAD"])
        self.tool(["git", "push", "--quiet", "origin", "HEAD:main"])
        return self.head()

    def log(self, environment: str) -> str:
        """`git log` of an environment branch as the repository has it: hash, subject and trailers."""
        self.tool(["git", "fetch", "--quiet", "origin"])
        return self.tool(["git", "log", "--format=%h %s%n%(trailers)", f"origin/env/{environment}"])

    def commit(self, sha: str, state: str) -> Commit:
        """Wait until the control plane has the commit in `state`."""
        return self.wait(f"commit {sha[:12]} is {state}", lambda: self._commit(sha, state))

    def runs(self, environment: str, digest: str) -> int:
        """Wait until the rollout is over and every node of the environment says that it runs `digest`; their number."""
        return self.wait(
            f"every node of {environment} runs {digest[:19]}", lambda: self._runs(environment, digest)
        )

    def rollout(self, environment: str, digest: str, state: str) -> Rollout:
        """Wait until the newest rollout of `digest` in the environment is in `state`."""
        return self.wait(
            f"a rollout of {digest[:19]} in {environment} is {state}",
            lambda: self._rollout(environment, digest, state),
        )

    def wait(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to see. Raises `Stalled` that says what did not happen."""
        deadline = time.monotonic() + LEG_SECONDS
        while time.monotonic() < deadline:
            found = look()
            if found is not None:
                return found
            time.sleep(LOOK_SECONDS)
        raise Stalled(
            "E-DEM-002",
            f"it did not happen within {LEG_SECONDS:.0f} s that {what}; {self._seen()}",
            cure=f"Read the logs in {self.system.layout.logs}",
        )

    def _commit(self, sha: str, state: str) -> Commit | None:
        with reading():
            row = Commit.get_or_none(
                Commit.organization == ORGANIZATION, Commit.project == PROJECT, Commit.sha == sha
            )
        if row is not None and row.state in {"refused", "compiled"} and row.state != state:
            raise Stalled(
                "E-DEM-003", f"commit {sha[:12]} is {row.state} and not {state}: {row.reason or row.findings}"
            )
        return row if row is not None and row.state == state else None

    def _runs(self, environment: str, digest: str) -> int | None:
        with reading():
            row = Environment.get_or_none(
                Environment.organization == ORGANIZATION,
                Environment.project == PROJECT,
                Environment.name == environment,
            )
            nodes = list(self._nodes(environment))
        settled = row is not None and row.view.get("live") == digest
        running = sum(node.running == digest for node in nodes)
        return running if settled and running == FLEET[environment] else None

    def _rollout(self, environment: str, digest: str, state: str) -> Rollout | None:
        with reading():
            row = (
                Rollout.select()
                .where(
                    Rollout.organization == ORGANIZATION,
                    Rollout.project == PROJECT,
                    Rollout.environment == environment,
                    Rollout.digest == digest,
                )
                .order_by(Rollout.id.desc())
                .first()
            )
        return row if row is not None and row.state == state else None

    def _nodes(self, environment: str) -> list[Node]:
        return list(
            Node.select().where(
                Node.organization == ORGANIZATION,
                Node.project == PROJECT,
                Node.environment == environment,
                Node.retired_at.is_null(),
            )
        )

    def _seen(self) -> str:
        with reading():
            rows = list(Environment.select().order_by(Environment.position))
        return "; ".join(
            f"{row.name}: {row.stalled_message or row.view.get('because', 'nothing yet')}" for row in rows
        )

    def tool(self, arguments: list[str], folder: Path | None = None) -> str:
        """Run a command in the clone, or in `folder`, and return its output. Raises `Stalled` with its last words."""
        done = subprocess.run(
            arguments,
            cwd=folder or self.clone,
            env={**os.environ, **IDENTITY, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()[-5:]
            raise Stalled("E-DEM-004", f"`{' '.join(arguments)}` failed: {' '.join(words)}")
        return done.stdout


def _moved(target: str, network: str) -> str:
    host, _, port = target.rpartition(":")
    kept = host.split(".")[len(network.split(".")) :]
    return f"{'.'.join([network, *kept])}:{port}"


def first_release(road: Road) -> str:
    """The template's commit reaches dev by itself."""
    digest = road.commit(road.head(), "compiled").digest
    return f"{road.runs('dev', digest)} dev nodes run {digest[:19]}"


def promote_everywhere(road: Road) -> str:
    """The same bundle goes to staging and to production, so that production has something to fall back to."""
    # Today may be one of the days on which the template freezes production.
    (road.clone / FREEZES).unlink(missing_ok=True)
    digest = road.commit(road.push("Release on any day of the year"), "compiled").digest
    road.promote("staging")
    staging = road.runs("staging", digest)
    road.promote("production")
    return f"{staging} staging and {road.runs('production', digest)} production nodes run it"


def push_a_change(road: Road) -> str:
    """A changed target is pushed, and dev runs it."""
    road.move_targets("10.77")
    sha = road.push("Move the first upstream")
    digest = road.commit(sha, "compiled").digest
    return f"{sha[:12]} became {digest[:19]}; {road.runs('dev', digest)} dev nodes run it"


def promote_to_staging(road: Road) -> str:
    """A person promotes it to staging."""
    digest = road.commit(road.head(), "compiled").digest
    road.promote("staging")
    return f"{road.runs('staging', digest)} staging nodes run it"


def roll_production(road: Road) -> str:
    """A person promotes it to production, which takes it batch by batch."""
    digest = road.commit(road.head(), "compiled").digest
    road.promote("production")
    nodes = road.runs("production", digest)
    steps = road.rollout("production", digest, "completed").view["steps"]
    if len(steps) < 2:
        raise Stalled("E-DEM-005", f"production took {digest[:19]} in {len(steps)} batch; expected several")
    return f"{nodes} production nodes run it, in batches of {', '.join(str(step['nodes']) for step in steps)}"


def refuse_a_broken_commit(road: Road) -> str:
    """A commit with a mistake is refused with its file and line, and changes nothing."""
    before = road.commit(road.head(), "compiled").digest
    broken = road.clone / "services" / "broken.kdl"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text('servce "oops" {\n}\n')
    refused = road.commit(road.push("Break something"), "refused")
    finding = refused.findings[0]
    words = f"{finding['path']}:{finding['line']}:{finding['column']} {finding['message']}"
    if (finding["path"], finding["line"]) != ("services/broken.kdl", 1):
        raise Stalled("E-DEM-006", f"the finding is at the wrong place: {words}")
    road.runs("dev", before)
    road.commit(road.revert_last(), "compiled")
    return words


def roll_back(road: Road) -> str:
    """A commit that makes nodes unhealthy is rolled back by a commit, and the nodes really go back."""
    good = road.commit(road.head(), "compiled").digest
    road.runs("dev", good)
    road.move_targets("192.0.2")
    bad = road.commit(road.push("Send the traffic nowhere"), "compiled").digest
    ended = road.rollout("dev", bad, "rolled-back")
    nodes = road.runs("dev", good)
    newest = road.log("dev").splitlines()[0]
    reason = textwrap.shorten(ended.because, 100, placeholder=" …")
    return f"{nodes} dev nodes are back on {good[:19]} ({reason}); newest commit: {newest}"


LEGS: tuple[tuple[str, Callable[[Road], str]], ...] = (
    ("first push reaches dev", first_release),
    ("first release everywhere", promote_everywhere),
    ("push a change", push_a_change),
    ("promote to staging", promote_to_staging),
    ("rolling rollout in production", roll_production),
    ("a broken commit is refused", refuse_a_broken_commit),
    ("an unhealthy commit is rolled back", roll_back),
)
