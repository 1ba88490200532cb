"""The sample of docs/audit.md: a short story played by the real engine on a real repository, as `git log` tells it.

`python -m tests.integration.audit_sample` writes the page again.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from reconciler.config.approvals import Approvals
from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.release.paths import hold_path, short
from reconciler.release.render import render_hold, render_release
from reconciler.release.state import Hold, Release
from reconciler.settings import read_settings
from tests.integration.environment_world import World, make_world, policy
from tests.integration.people import ADA, BOB, CAROL, DAN, Person, commit, plan, say, trunk
from tests.servers.git_http import serving

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
BEGIN, END = "```text\n", "```\n"
ASKED = Approvals(1, (), (("release", (BOB.email, CAROL.email)),))
FORMAT = "%ad  %an <%ae>%n%n%w(0,4,4)%B"


def story(world: World) -> str:
    """Play it, and return the log of production's branch, the oldest commit first, without what differs each time."""
    world.policies = (policy("staging"), policy("production", "staging", approvals=ASKED))
    world.nodes("production", 2)
    first, one = trunk(world, "Serve the shop", DAN)
    world.settle("staging", 3)
    _release(world, one, first, "The first release", CAROL)
    second, two = trunk(world, "Shorten the time-outs of checkout", DAN)
    world.settle("staging", 3)
    hold = Hold("audit", "Auditors are looking at the fleet", str(BOB.identity))
    commit(
        world,
        "env/production",
        {hold_path("audit"): render_hold(hold)},
        BOB,
        message=_said(BOB, "Hold production (audit)"),
    )
    world.run("production")
    commit(
        world,
        "env/production",
        {hold_path("audit"): None},
        BOB,
        message=_said(BOB, "Resume production (lift audit)"),
    )
    world.broken.add(two)
    _release(world, two, second, "Customers wait too long", BOB)
    folder = world.context.mirror.repository.path
    head = str(world.head("production"))
    world.context.mirror.fetch()
    command = ["git", "log", "--reverse", f"--format={FORMAT}", "--date=iso-strict", head]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"(Inputs: sha256:[0-9a-f]{4})[0-9a-f]+", r"Inputs: sha256:…", text)
    text = re.sub(r"(?m)^(\s+Log: ).*$", r"\1sentinel/acme …", text)
    # A plan's hash covers every field of a policy, so that each new field of the language would change the page.
    for number, hash in enumerate(dict.fromkeys(re.findall(r"Plan: ([0-9a-f]{64})", text)), start=1):
        other = hashlib.sha256(f"plan {number}".encode()).hexdigest()
        text = text.replace(hash, other).replace(hash[:12], other[:12])
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _release(world: World, digest: str, sha: str, why: str, approver: Person) -> None:
    """Ada promotes, somebody approves, and the fleet does what it does."""
    release = Release(digest, sha, why, str(ADA.identity))
    message = _said(ADA, f"Promote {short(digest)} to production", why, f"Bundle: {digest}\nCommit: {sha}\n")
    world.run("production")
    commit(world, "env/production", {"release.kdl": render_release(release)}, ADA, message=message)
    world.run("production")
    world.wait(3600)
    hash = plan(world, "production")
    words = f"Approve {short(digest)} in production: plan {hash[:12]}"
    message = _said(approver, words, "Looked at the difference", f"Bundle: {digest}\nPlan: {hash}\n")
    say(world, "production", digest, approver, message=message, why="Looked at the difference")
    world.run("production")
    world.report("production")
    world.settle("production", 5)


def _said(by: Person, subject: str, body: str = "", trailers: str = "") -> str:
    """A message as the verbs of sentinelctl write it."""
    parts = [subject, *([body] if body else []), f"{trailers}Actor: {by.identity}"]
    return "\n\n".join(parts) + "\n"


def sample(page: str) -> str:
    """The sample that a page holds."""
    return page.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "git") as server:
        settings = read_settings({"SENTINEL_HOME": str(Path(folder) / "home")})
        migrate(settings)
        told = story(make_world(settings, server, Path(folder)))
        session.disconnect()
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + told + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
