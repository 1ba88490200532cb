"""Commits of trunk held to the last valid one, over a real git server and a real database."""

from __future__ import annotations

import shutil
from typing import Any

import pygit2

from reconciler.flows import trunk
from reconciler.git.writing import commit_edit, push
from tests.integration.test_flow_trunk import ADA, GOOD, World, git_server, other_world, world
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM

__all__ = ["git_server", "world"]

RULES = GOOD["rules.kdl"]
MANY = b"".join(
    b'service "s%d" {\n    hosts "shop.example"\n    path "/extra/%d"\n    upstream "api"\n}\n' % (n, n)
    for n in range(40)
)
FULL: dict[str, bytes | None] = {**GOOD, "services/extra.kdl": MANY}
GONE: dict[str, bytes | None] = {"services/extra.kdl": None}
ENOUGH = "Allow-Deletions: 40"


def say(world: World, files: dict[str, bytes | None], message: str, parents: tuple[str, ...] = ()) -> str:
    """A pushed commit with that message; with `parents` a merge of them."""
    head = world.writer.fetch().get("refs/heads/main")
    world.minutes += 1
    sha = edit(world, head, files, message)
    if parents:
        repository = world.writer.repository
        who = repository[sha].author
        tree = repository[sha].tree_id
        sha = str(repository.create_commit(None, who, who, message, tree, list(parents)))
    push(world.writer, "refs/heads/main", sha, head)
    world.heads.append(sha)
    return sha


def edit(world: World, on: str | None, files: dict[str, bytes | None], message: str) -> str:
    when = world.context.now().replace(year=2025, minute=world.minutes)
    return commit_edit(
        world.writer, on, files, message=message, author=ADA, committer=ADA, when=when, key=None
    )


def codes(world: World, sha: str) -> set[str]:
    return {finding["code"] for finding in world.row(sha).findings if finding["severity"] == "error"}


def test_a_commit_that_removes_too_much_is_refused_and_the_line_of_the_hint_lifts_it(world: World) -> None:
    world.push(FULL)
    world.run()
    refused = world.push(GONE)
    world.run()
    assert (world.row(refused).state, codes(world, refused)) == ("refused", {"E-RUL-006"})
    hint = world.row(refused).findings[0]["hint"]
    line = hint[hint.index("Allow-Deletions") :]
    assert line == ENOUGH
    meant = say(world, {"README.md": b"meant"}, f"Remove what nobody used\n\n{line}")
    world.run()
    assert world.row(meant).state == "compiled"


def test_the_first_commit_and_one_that_removes_nothing_are_held_to_nothing(world: World) -> None:
    first = world.push({**FULL})
    world.run()
    second = world.push({"services/extra.kdl": MANY.replace(b'"s1"', b'"renamed"')})
    world.run()
    assert [world.row(sha).state for sha in (first, second)] == ["compiled", "compiled"]


def test_refused_commits_between_are_passed_over(world: World) -> None:
    world.push(FULL)
    world.run()
    broken = world.push({**GONE, "services/broken.kdl": b"oops"})
    world.run()
    mended = world.push({"services/broken.kdl": None})
    world.run()
    assert "E-RUL-006" not in codes(world, broken)
    assert codes(world, mended) == {"E-RUL-006"}
    allowed = world.push({"services/extra.kdl": MANY})
    world.run()
    assert world.row(allowed).state == "compiled"


def test_the_line_may_stand_on_a_commit_of_the_branch_that_is_merged(world: World) -> None:
    base = world.push(FULL)
    world.run()
    side = edit(world, base, GONE, f"Remove\n\n{ENOUGH}")
    merge = say(world, GONE, "Merge the branch", parents=(base, side))
    world.run()
    assert world.row(merge).state == "compiled", world.row(merge).findings


def test_a_line_of_an_older_commit_counts_no_more(world: World) -> None:
    world.push(FULL)
    world.run()
    say(world, GONE, f"Remove\n\n{ENOUGH}")
    world.run()
    world.push({"services/extra.kdl": MANY})
    world.run()
    again = world.push(GONE)
    world.run()
    assert codes(world, again) == {"E-RUL-006"}


def test_trunk_set_back_by_force_is_held_to_what_it_replaces(world: World) -> None:
    base = world.push(GOOD)
    world.run()
    full = world.push(FULL)
    world.run()
    world.force(base)
    assert world.run() == "changed"
    assert (world.row(base).state, codes(world, base)) == ("refused", {"E-RUL-006"})
    assert world.row(base).digest == ""
    assert list(world.commits())[-1] == base
    assert world.run() == "unchanged"
    world.force(full)
    world.run()
    assert world.row(full).state == "compiled"


def test_after_a_rewrite_and_a_lost_mirror_there_is_a_warning_and_a_bundle(world: World) -> None:
    base = world.push(GOOD)
    world.run()
    world.push(FULL)
    world.run()
    new = edit(world, base, {"README.md": b"new"}, "Begin again")
    push(world.writer, "refs/heads/side", new, None)
    world.force(new)
    shutil.rmtree(world.context.mirror.repository.path)
    context = other_world(world)
    repository = pygit2.Repository(str(world.bare))
    repository.references.delete("refs/heads/side")
    trunk.run(context, lambda: None)
    row = world.row(new)
    assert row.state == "compiled"
    assert [f["code"] for f in row.findings if f["severity"] == "warning"] == ["W-RUL-011"]


def test_a_rule_cannot_be_removed_by_the_commit_that_breaks_it(world: World) -> None:
    world.push(GOOD)
    world.run()
    foreign = b'service "x" {\n    hosts "other.example"\n    upstream "api"\n}\n'
    loose = RULES.replace(b'kinds "service"\n    allow', b'kinds "slo"\n    allow').replace(
        b' field="hosts"', b""
    )
    assert loose != RULES
    both = world.push({"rules.kdl": b"", "services/x.kdl": foreign})
    world.run()
    assert codes(world, both) == {"E-RUL-003"}
    alone = world.push({"services/x.kdl": None})
    world.run()
    after = world.push({"services/x.kdl": foreign})
    world.run()
    assert [world.row(sha).state for sha in (alone, after)] == ["compiled", "compiled"]


def test_a_looser_policy_waits_for_the_next_commit(world: World) -> None:
    def policy(sha: str) -> dict[str, Any]:
        found: dict[str, Any] = next(p for p in world.row(sha).policies if p["name"] == "production")
        return found

    strict = world.push(GOOD)
    world.run()
    text = GOOD["environments/production.kdl"]
    assert b'on-failure "rollback"' in text
    changed = world.push(
        {"environments/production.kdl": text.replace(b'on-failure "rollback"', b'on-failure "pause"')}
    )
    world.run()
    assert policy(changed) == policy(strict)
    assert "W-RUL-010" in {finding["code"] for finding in world.row(changed).findings}
    following = world.push({"README.md": b"next"})
    world.run()
    assert policy(following)["on_failure"] == "pause"
    assert world.row(strict).digest == world.row(changed).digest == world.row(following).digest


def test_projects_of_one_repository_are_held_each_to_its_own(world: World) -> None:
    inside = {f"a/{path}": content for path, content in FULL.items()}
    other = (BASE + UPSTREAM + SERVICE).replace('project "shop"', 'project "other"')
    world.push({**inside, "b/all.kdl": other.encode()})
    contexts = [other_world(world, path="a"), other_world(world, slug="other", path="b")]
    for context in contexts:
        trunk.run(context, lambda: None)
    world.push({"a/services/extra.kdl": None})
    outcomes = [trunk.run(context, lambda: None).because for context in contexts]
    assert "refused with" in outcomes[0]
    assert "compiled to known" in outcomes[1]
