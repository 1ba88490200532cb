"""What can happen in a scenario. Each kind is one function and one line of `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.config.durations import milliseconds
from reconciler.config.kdl import KdlValue
from reconciler.release import paths
from reconciler.release.ballot import APPROVE, REJECT, Ballot, render_ballot
from reconciler.release.pins import Pin, render_pin
from reconciler.release.planning import next_name
from reconciler.release.render import render_go, render_hold, render_quarantine, render_release
from reconciler.release.state import Go, Hold, Quarantine, Release
from reconciler.simulator.virtual.control import digest_of
from reconciler.simulator.virtual.environment import Environment
from reconciler.simulator.virtual.nodes import Node

if TYPE_CHECKING:
    from reconciler.simulator.virtual.world import World

What = Mapping[str, KdlValue]


def push(world: World, what: What) -> None:
    """A commit on trunk that compiles to `bundle`."""
    world.push(str(what["bundle"]))


def promote(world: World, what: What) -> None:
    """Somebody makes `bundle` the wish of `environment`, not before `after` from now if that is given."""
    after = what.get("after")
    not_before = None
    if after is not None:
        not_before = world.now + timedelta(milliseconds=milliseconds(str(after)))
    by, only = str(what.get("by", "bob@example.com")), str(what.get("only", ""))
    wish = Release(digest_of(str(what["bundle"])), why="by hand", by=by, not_before=not_before, only=only)
    world.environment(what).promoter = by
    world.edit(str(what["environment"]), paths.RELEASE, render_release(wish))


def widen(world: World, what: What) -> None:
    """Somebody lets what is released to some nodes of `environment` go to all of them."""
    environment = world.environment(what)
    wish = environment.state().files.release
    if wish is not None and wish.only:
        world.edit(environment.name, paths.RELEASE, render_release(replace(wish, only="")))


def approve(world: World, what: What) -> None:
    """`by` approves what `environment` proposes; `unsigned=#true` leaves out the signature, `stale=#true` names
    another plan."""
    _vote(world, what, APPROVE)


def reject(world: World, what: What) -> None:
    """`by` rejects what `environment` proposes."""
    _vote(world, what, REJECT)


def go(world: World, what: What) -> None:
    """Somebody lets the step of `environment` that is under way pass its manual gate.

    `early`: they say it of the first step of the rollout that opens next, before it does.
    """
    environment = world.environment(what)
    rollout = environment.ledger.open_rollout
    wish = environment.state().files.release
    if what.get("early"):
        if wish is not None:
            ahead = Go(next_name(environment.ledger), 1, wish.digest, environment.ledger.sequence, "a person")
            world.edit(environment.name, paths.go_path(ahead.rollout, ahead.step), render_go(ahead))
    elif rollout is not None and rollout.active is not None:
        active = rollout.active
        said = Go(rollout.name, active.number, rollout.digest, active.sequence, "a person", "it looks well")
        world.edit(environment.name, paths.go_path(said.rollout, said.step), render_go(said))
        environment.said[said.rollout, said.step] = world.now


def pin(world: World, what: What) -> None:
    """Somebody keeps `nodes` of `environment` on `bundle`, for `lasts` if that is given."""
    lasts, name = what.get("lasts"), str(what["name"])
    until = None if lasts is None else world.now + timedelta(milliseconds=milliseconds(str(lasts)))
    found = Pin(name, digest_of(str(what["bundle"])), str(what["nodes"]), (), "a person", "by hand", until)
    world.edit(str(what["environment"]), paths.pin_path(name), render_pin(found))


def unpin(world: World, what: What) -> None:
    """Somebody deletes every pin of `environment`."""
    environment = world.environment(what)
    for path in [path for path in environment.head if path.startswith(f"{paths.PINS}/")]:
        world.edit(environment.name, path, None)


def revert(world: World, what: What) -> None:
    """`git revert` of the newest release: `release.kdl` as it was before."""
    environment = world.environment(what)
    former = world.former_release.get(environment.name)
    if former is not None:
        world.edit(environment.name, paths.RELEASE, former)


def hold(world: World, what: What) -> None:
    """Somebody holds `environment`, for `lasts` if that is given."""
    lasts = what.get("lasts")
    until = None if lasts is None else world.now + timedelta(milliseconds=milliseconds(str(lasts)))
    content = render_hold(Hold(str(what["name"]), "wait for me", "a person", until))
    world.edit(str(what["environment"]), paths.hold_path(str(what["name"])), content)


def release(world: World, what: What) -> None:
    """Somebody deletes every hold of `environment`, that of a failed rollout too."""
    environment = world.environment(what)
    for path in [path for path in environment.head if path.startswith(f"{paths.HOLDS}/")]:
        world.edit(environment.name, path, None)


def quarantine(world: World, what: What) -> None:
    """Somebody forbids `bundle` in `environment`; what is live there where no bundle is named."""
    if "bundle" in what:
        digest = digest_of(str(what["bundle"]))
    else:
        digest = world.environment(what).ledger.live
    if not digest:
        return
    content = render_quarantine(Quarantine(digest, "by hand"))
    world.edit(str(what["environment"]), paths.quarantine_path(digest), content)


def lift(world: World, what: What) -> None:
    """Somebody allows `bundle` in `environment` again."""
    digest = digest_of(str(what["bundle"]))
    world.edit(str(what["environment"]), paths.quarantine_path(digest), None)


def tamper(world: World, what: What) -> None:
    """Somebody edits a file of the ledger."""
    world.edit(str(what["environment"]), str(what.get("path", paths.ROLLOUT)), b"sequence 0\n")


def corrupt(world: World, what: What) -> None:
    """Somebody pushes a `release.kdl` that cannot be read."""
    world.edit(str(what["environment"]), paths.RELEASE, b"release {")


def race(world: World, what: What) -> None:
    """The next push of ours to `environment` finds that somebody was faster."""
    world.racing.add(str(what["environment"]))


def rewrite(world: World, what: What) -> None:
    """Somebody force-pushes the branch of `environment` as it was `number` commits ago, or deletes it."""
    world.environment(what).rewrite(_number(what))
    world.nudge(world.environment(what))


def put_back(world: World, what: What) -> None:
    """Somebody pushes back what the branch of `environment` was before it was rewritten."""
    world.environment(what).put_back()
    world.nudge(world.environment(what))


def crash(world: World, what: What) -> None:
    """Some nodes are down for a while; they come back with what they ran."""
    until = world.loop.now + milliseconds(str(what["lasts"]))
    for node in _some(world, what):
        node.down_until = until


def partition(world: World, what: What) -> None:
    """Some nodes go on working and reach nobody for a while."""
    until = world.loop.now + milliseconds(str(what["lasts"]))
    for node in _some(world, what):
        node.unreachable_until = until


def heal(world: World, what: What) -> None:
    """Nodes that broke by themselves are well again, and what refused a bundle tries it anew."""
    for node in _some(world, what):
        node.well = True
        node.settled = None


def register(world: World, what: What) -> None:
    """New nodes of `environment` register."""
    count = what.get("count", 1)
    world.register(str(what["environment"]), count if isinstance(count, int) else 1)


def retire(world: World, what: What) -> None:
    """A node of `environment` goes for good."""
    environment = world.environment(what)
    if len(environment.nodes) > 1:
        gone = environment.nodes.pop(_number(what) % len(environment.nodes))
        gone.down_until = gone.unreachable_until = 2**62


def stick(world: World, what: What) -> None:
    """The balancer in front of `environment` follows no weight for as long as it `lasts`."""
    length = milliseconds(str(what["lasts"]))
    world.environment(what).balancer.stuck_until = world.loop.now + length


def die(world: World, what: What) -> None:
    """The control plane dies at one of its next effects, and is down for a while."""
    world.dies_in = max(1, _number(what))
    world.down_for = milliseconds(str(what.get("lasts", "5s")))


def lose_nudges(world: World, what: What) -> None:
    """No webhook and no job arrives for a while: the queue is gone."""
    world.no_nudges_until = world.loop.now + milliseconds(str(what["lasts"]))
    world.forget_nudges()


def failover(world: World, what: What) -> None:
    """The database is switched to a copy that is `lag` behind: what is written until then is lost."""
    world.fail_over(milliseconds(str(what["lag"])))


KINDS: Mapping[str, Callable[[World, What], None]] = MappingProxyType(
    {
        "push": push,
        "promote": promote,
        "pin": pin,
        "unpin": unpin,
        "revert": revert,
        "widen": widen,
        "approve": approve,
        "reject": reject,
        "go": go,
        "hold": hold,
        "release": release,
        "quarantine": quarantine,
        "lift": lift,
        "tamper": tamper,
        "corrupt": corrupt,
        "race": race,
        "rewrite": rewrite,
        "put-back": put_back,
        "crash": crash,
        "partition": partition,
        "heal": heal,
        "register": register,
        "retire": retire,
        "stick": stick,
        "die": die,
        "lose-nudges": lose_nudges,
        "failover": failover,
    }
)


def _vote(world: World, what: What, verdict: str) -> None:
    environment, by = world.environment(what), str(what["by"])
    files = environment.state().files
    if files.release is None or files.proposal is None:
        return
    plan = "0" * 64 if what.get("stale") is True else files.proposal.plan
    ballot = Ballot(by, verdict, files.release.digest, environment.name, plan, at=world.now)
    environment.signed[ballot.path] = () if what.get("unsigned") is True else (by,)
    world.edit(environment.name, ballot.path, render_ballot(ballot))


def _number(what: What) -> int:
    value = what.get("number", 0)
    return value if isinstance(value, int) else 0


def _some(world: World, what: What) -> list[Node]:
    """`share` percent of an environment's nodes, beginning with the one of `number`; at least one."""
    environment: Environment = world.environment(what)
    if not environment.nodes:
        return []
    share = what.get("share", 1)
    count = max(1, len(environment.nodes) * (share if isinstance(share, int) else 1) // 100)
    first = _number(what)
    return [environment.nodes[(first + step) % len(environment.nodes)] for step in range(count)]
