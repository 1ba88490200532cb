"""Brings a verified bundle to life, step by step, so that at any instant the old or the new one serves, whole.

 1. stage     its files in a folder of its own, on the disk before anything names it
 2. seal      keep the sealed secrets that it needs beside it: a node that boots alone needs them
 3. render    open them into files in memory, with every placeholder replaced, in a folder of their own
 4. test      the proxy's own check of the very file that it would read
 5. switch    the symlink, by one rename
 6. reload    or restart, when what the proxy reads only at its start differs
 7. read back from the proxy itself which configuration is live
 8. confirm   remember it durably; only now does the sequence that may not be undercut rise
 9. prune     what neither this bundle nor the one before needs; of what was opened, all but this rendering

A bundle that needs no secret and has no placeholder skips 2 and 3: the proxy reads the staged file. Whatever fails,
what 3 opened is removed again. A failure at 5 to 8 switches back and reloads. A power cut between 5 and 8 leaves the
symlink on a bundle that was tested and never confirmed; `recover` of the machine switches back from it.

What takes effect how (6): a secret or file of the bundle that the proxy's configuration names and that has another
version than before restarts the proxy, for it reads such files only at its start and a read-back could not tell two
values apart. When only agents' files changed, a proxy that has no placeholders of its own is left alone; another one is
reloaded, because its files moved.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.errors import Refused
from reconciler.fleet.versions import UNKNOWN, Versions, is_older
from reconciler.node.effects import (
    Answer,
    Done,
    Effect,
    Failed,
    KeepSealed,
    Prune,
    ReadBack,
    Reload,
    Render,
    Restart,
    SaveState,
    Sleep,
    Stage,
    Switch,
    Test,
)
from reconciler.node.protocol import AGENT, clean
from reconciler.node.proxy import RunningReport, TestResult
from reconciler.node.state import Active, Held, NodeState, Refusal, Trust

READ_BACK_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 3.0)
"""Seconds between looks: nine looks in nine seconds. A reload takes milliseconds, a restart up to a few seconds."""

Steps = Generator[Effect, Answer, NodeState]


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that passed every check, and the state that confirming it leads to. `sealed`: the secrets it needs.

    `held` and `refusal` are set where the operator of the machine goes back by hand. `needs`: the oldest proxy and
    agent that may run it. `weight` is the pointer's, None to leave what is published alone.
    """

    trust: Trust
    active: Active
    files: Mapping[str, bytes] = field(repr=False)
    sealed: bytes = field(default=b"", repr=False)
    held: Held | None = None
    refusal: Refusal | None = None
    needs: Versions = UNKNOWN
    weight: int | None = None


def activate(state: NodeState, bundle: Verified) -> Steps:
    """Run the steps; returns the new state. Raises `Refused` with what went wrong, after the old one serves again."""
    try:
        yield from _prepare(bundle)
        confirmed = yield from _bring_over(state, bundle)
    except Refused:
        yield keep(state, bundle.active.digest)
        raise
    yield keep(confirmed)
    return confirmed


def keep(state: NodeState, *further: str) -> Prune:
    """Remove what neither the active bundle nor the one before needs, nor those of `further` digests."""
    active = state.active
    digests = (active.digest if active is not None else "", state.previous, *further)
    renderings = frozenset({active.rendering} if active is not None and active.rendering else ())
    return Prune(frozenset(digest for digest in digests if digest), renderings)


def _prepare(bundle: Verified) -> Generator[Effect, Answer, None]:
    """Everything before the proxy is touched."""
    digest, rendering = bundle.active.digest, bundle.active.rendering
    if is_older(AGENT, bundle.needs.agent):
        raise Refused(
            "E-NOD-028",
            f"bundle {digest[:19]} is for agents of version {bundle.needs.agent} or newer, and this is {AGENT}",
        )
    if bundle.needs.proxy:
        told = yield ReadBack()
        found = told.version if isinstance(told, RunningReport) else ""
        if is_older(found, bundle.needs.proxy):
            raise Refused(
                "E-NOD-027",
                f"bundle {digest[:19]} is for a proxy of version {bundle.needs.proxy} or newer, and this node has "
                f"{clean(found, 60)}",
            )
    # 1. stage
    staged = yield Stage(digest, bundle.files)
    if isinstance(staged, Failed):
        raise Refused("E-NOD-020", f"bundle {digest[:19]} cannot be written to disk: {staged.words}")
    # 2. seal
    if bundle.sealed:
        kept = yield KeepSealed(digest, bundle.sealed)
        if isinstance(kept, Failed):
            raise Refused("E-NOD-020", f"its sealed secrets cannot be written to disk: {kept.words}")
    # 3. render
    if rendering:
        rendered = yield Render(digest, rendering, bundle.active.secrets)
        if isinstance(rendered, Failed):
            raise unrendered(rendered)
    # 4. test
    secret = any(name.startswith("secret:") for name in bundle.active.inputs)
    tested = yield Test(digest, rendering, secret)
    if not (isinstance(tested, TestResult) and tested.ok):
        raise Refused("E-NOD-021", f"the proxy's test refused the configuration: {_words(tested)}")


def _bring_over(state: NodeState, bundle: Verified) -> Steps:
    """Let the proxy serve it, and remember that it does."""
    digest, old = bundle.active.digest, state.active
    # 5. switch
    switched = yield Switch(digest, bundle.active.rendering)
    if isinstance(switched, Failed):
        yield from _undo(state, restart=False, touched=False)
        raise Refused("E-NOD-022", f"the configuration could not be switched: {switched.words}")
    unchanged = old is not None and _is_the_same(old, bundle.active)
    restart = old is None or needs_a_start(old, bundle.active)
    # 6. reload or restart, 7. read back
    if not unchanged:
        yield from _take_effect(state, bundle, restart=restart)
    # 8. confirm
    confirmed = replace(
        state,
        trust=bundle.trust,
        active=bundle.active,
        previous=old.digest if old is not None and old.digest != digest else state.previous,
        delivered=digest,
        refusal=bundle.refusal,
        held=bundle.held,
        weight=state.weight if bundle.weight is None else bundle.weight,
    )
    saved = yield SaveState(confirmed)
    if isinstance(saved, Failed):
        yield from _undo(state, restart=restart and not unchanged, touched=not unchanged)
        raise Refused("E-NOD-025", f"the new state could not be written to disk: {saved.words}")
    return confirmed


def unrendered(failed: Failed) -> Refused:
    """The refusal of a bundle that could not be rendered."""
    return Refused(failed.code or "E-NOD-056", f"its files could not be rendered in memory: {failed.words}")


def _is_the_same(old: Active, new: Active) -> bool:
    """Whether the proxy has nothing to do: it would read the same, or only its agents would read something else."""
    if (old.config_id, old.restart_key) != (new.config_id, new.restart_key):
        return False
    return old.rendering == new.rendering or not (old.inputs or new.inputs)


def needs_a_start(old: Active, new: Active) -> bool:
    """Whether the proxy has to be started afresh to take the new one up."""
    if old.restart_key != new.restart_key:
        return True
    return any(old.inputs.get(name, version) != version for name, version in new.inputs.items())


def read_back(wanted: str) -> Generator[Effect, Answer, RunningReport]:
    """Look until the proxy says that `wanted` is live, or time is up; returns its last word."""
    report = RunningReport(None, False, "the proxy was not asked")
    for pause in (*READ_BACK_PAUSES, None):
        answer = yield ReadBack()
        report = answer if isinstance(answer, RunningReport) else RunningReport(None, False, _words(answer))
        if report.config_id == wanted or pause is None:
            return report
        yield Sleep(pause)
    return report


def _take_effect(state: NodeState, bundle: Verified, *, restart: bool) -> Generator[Effect, Answer, None]:
    told = yield Restart() if restart else Reload()
    if not (isinstance(told, TestResult) and told.ok):
        back = yield from _undo(state, restart=restart, touched=True)
        word = "restarted" if restart else "reloaded"
        raise Refused("E-NOD-023", f"the proxy could not be {word}: {_words(told)}; {back}")
    report = yield from read_back(bundle.active.config_id)
    if report.config_id != bundle.active.config_id:
        back = yield from _undo(state, restart=restart, touched=True)
        found = f"it serves {report.config_id}" if report.config_id else clean(report.reason, 300)
        raise Refused(
            "E-NOD-024", f"the proxy did not take configuration {bundle.active.config_id}: {found}; {back}"
        )


def _undo(state: NodeState, *, restart: bool, touched: bool) -> Generator[Effect, Answer, str]:
    """Go back to the last known good; returns how that ended, in words."""
    old = state.active
    switched = yield Switch(old.digest, old.rendering) if old is not None else Switch(None)
    if old is None:
        return "there was nothing to go back to"
    if isinstance(switched, Failed):
        return f"the switch back failed: {switched.words}"
    if not touched:
        return "the proxy was not touched"
    yield Restart() if restart else Reload()
    report = yield from read_back(old.config_id)
    if report.config_id != old.config_id and not restart:
        # A reload that the proxy ignores leaves only a fresh start to get back what served before.
        yield Restart()
        report = yield from read_back(old.config_id)
    if report.config_id == old.config_id:
        return f"configuration {old.config_id} serves again"
    return f"configuration {old.config_id} did not come back: {clean(report.reason, 200)}"


def _words(answer: Answer) -> str:
    if isinstance(answer, TestResult | Failed):
        return clean(answer.words, 900) or "no reason given"
    return "no reason given" if isinstance(answer, Done) else f"unexpected {type(answer).__name__}"
