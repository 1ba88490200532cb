"""Brings a verified bundle to life, step by step, so that at any instant the old or the new one serves, whole.

 1. stage     its files in a folder of its own, on the disk before anything names it
 2. test      the proxy's own check of that very file
 3. switch    the symlink, by one rename
 4. reload    or restart, when what the proxy reads only at its start differs
 5. read back from the proxy itself which configuration is live
 6. confirm   remember it durably; only now does the sequence that may not be undercut rise

A failure at 3 to 6 switches back and reloads. A power cut between 3 and 6 leaves the symlink on a bundle that was
tested and never confirmed; `recover` of the machine switches back from it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from reconciler.errors import Refused
from reconciler.node.effects import (
    Answer,
    Done,
    Effect,
    Failed,
    Prune,
    ReadBack,
    Reload,
    Restart,
    SaveState,
    Sleep,
    Stage,
    Switch,
    Test,
)
from reconciler.node.protocol import clean
from reconciler.node.proxy import RunningReport, TestResult
from reconciler.node.state import Active, NodeState, Trust

READ_BACK_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 3.0)
"""Seconds between looks: nine looks in nine seconds. A reload takes milliseconds, a restart up to a few seconds."""

Steps = Generator[Effect, Answer, NodeState]


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that passed every check, and the state that confirming it leads to."""

    trust: Trust
    active: Active
    files: dict[str, bytes] = field(repr=False)


def activate(state: NodeState, bundle: Verified) -> Steps:
    """Run the steps; returns the new state. Raises `Refused` with what went wrong, after the old one serves again."""
    digest = bundle.active.digest
    staged = yield Stage(digest, bundle.files)
    if isinstance(staged, Failed):
        raise Refused("E-NOD-020", f"bundle {digest[:19]} cannot be written to disk: {staged.words}")
    tested = yield Test(digest)
    if not (isinstance(tested, TestResult) and tested.ok):
        raise Refused("E-NOD-021", f"the proxy's test refused the configuration: {_words(tested)}")
    old = state.active
    switched = yield Switch(digest)
    if isinstance(switched, Failed):
        yield from _undo(state, restart=False, touched=False)
        raise Refused("E-NOD-022", f"the configuration could not be switched: {switched.words}")
    unchanged = old is not None and old.config_id == bundle.active.config_id
    restart = old is None or old.restart_key != bundle.active.restart_key
    if not unchanged:
        yield from _take_effect(state, bundle, restart=restart)
    confirmed = replace(
        state,
        trust=bundle.trust,
        active=bundle.active,
        previous=old.digest if old is not None and old.digest != digest else state.previous,
        delivered=digest,
        refusal=None,
    )
    saved = yield SaveState(confirmed)
    if isinstance(saved, Failed):
        yield from _undo(state, restart=restart and not unchanged, touched=not unchanged)
        raise Refused("E-NOD-025", f"the new state could not be written to disk: {saved.words}")
    yield Prune(frozenset(d for d in (digest, confirmed.previous) if d))
    return confirmed


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
    switched = yield Switch(old.digest if old is not None else None)
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
