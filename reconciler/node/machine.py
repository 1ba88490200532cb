"""What a node does, as a machine that touches nothing: it yields effects and is sent what came of them.

One `Agent` is one node. `life` runs for ever; `cycle` is one round: report, and look for news when there may be some.
Whatever goes wrong, the node keeps what it runs; every *no* is remembered and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.bundle.possession import Registration, open_challenge, sign_registration
from reconciler.clock import iso
from reconciler.errors import NotYet, ReconcilerError, Refused, Stalled, Transient
from reconciler.node import protocol
from reconciler.node.activation import keep, read_back, unrendered
from reconciler.node.credentials import Credentials, reread
from reconciler.node.effects import (
    Answer,
    CurrentLink,
    Done,
    Effect,
    Failed,
    Gather,
    HttpReply,
    HttpRequest,
    KeepSealed,
    Measure,
    Measured,
    ReadBack,
    Reload,
    Render,
    Restart,
    SaveIdentity,
    SaveState,
    Say,
    Sleep,
    Switch,
)
from reconciler.node.keys import NodeKeys
from reconciler.node.mirroring import ask_mirrors
from reconciler.node.patience import Overloaded
from reconciler.node.polling import POLL_ANYWAY, poll, worth_a_poll
from reconciler.node.protocol import clean
from reconciler.node.proxy import RunningReport
from reconciler.node.publishing import publish
from reconciler.node.returning import give_up, heed_orders, watch
from reconciler.node.state import Active, Identity, NodeState, Refusal
from reconciler.node.taking import fetch_secrets
from reconciler.node.telling import tell
from reconciler.node.verification import Check

AT_ONCE = 3
"""So many rounds in a row follow each other without a pause, because each brought news."""

LONGEST_BACK_OFF = 900.0
REVIVE_ROUNDS = 10
"""A proxy that does not answer is told to reload, or started, once in so many rounds."""

GIVE_UP_ROUNDS = 3
PROBATION_ROUNDS = 12
"""Of a bundle that was activated so few rounds ago a node goes back by itself, when its proxy was silent for
`GIVE_UP_ROUNDS` together although it was started again after the first, or unhealthy for `UNHEALTHY_ROUNDS`."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who runs the node wants: how to register, and how to ask."""

    project: str
    name: str
    labels: Mapping[str, str]
    join_token: str | None = field(repr=False)
    wait: int = 0
    """Seconds that a poll may be parked at the control plane; 0: polls follow heartbeats."""
    mirrors: int = 0
    """How many mirrors can be asked while the control plane is away."""
    tells: bool = False
    """Whether events, attacks and what runs are told beside heartbeats."""


@dataclass(slots=True)
class Agent:
    """The machine. `now`, `chance` (a number from 0 to 1) and `make_keys` are handed in.

    `boot_id` is new for each start.
    """

    wishes: Wishes
    identity: Identity | None
    state: NodeState | None
    now: Callable[[], datetime]
    chance: Callable[[], float]
    make_keys: Callable[[], NodeKeys]
    boot_id: str
    credentials: Credentials = field(init=False, repr=False)
    counter: int = 0
    trouble: str = ""
    """Why the control plane was not reached or did not answer, as last said; empty when all is well."""
    rounds_of_silence: int = 0
    """Rounds for which nothing but heartbeats and polls is sent, as the control plane asked."""
    probation: int = 0
    """Rounds for which a proxy that does not stay up speaks against the bundle that was activated last."""
    well: bool = False
    """Whether the proxy served what was activated, and said that it was healthy, when it was asked last."""
    was_well: bool = False
    """The same at the last activation: a bundle does not answer for what ailed the proxy before."""
    ailing: int = 0
    """Reports together since the last activation in which the proxy said that it was unhealthy."""
    last_order: str = ""
    """The order of the operator that was carried out last."""
    _rounds: int = 0
    _failures: int = 0
    _retry_after: float = 0.0
    """Seconds for which the control plane asked to be left alone."""
    poll_seconds: float = 10.0
    parked: float = 0.0
    """Seconds for which the poll of the last round was parked: a node that waited there for news need not wait here."""
    _deaf: int = 0
    published: int | None = None
    """The weight that the balancer in front was told last."""
    _unrendered: bool = False
    """Whether the secrets of what was confirmed last could not be opened."""

    def __post_init__(self) -> None:
        self.credentials = Credentials(self.now)

    def life(self) -> Generator[Effect, Answer, None]:
        """For ever: recover, register when needed, then round after round."""
        yield from self.recover()
        at_once = 0
        while True:
            try:
                yield from heed_orders(self)
                news = yield from self.cycle()
                yield from self._well()
                if news and at_once < AT_ONCE:
                    # What came of it is reported at once; a control plane that always has news is not raced.
                    at_once += 1
                    continue
                at_once = 0
            except ReconcilerError as error:
                yield from self._unwell(error)
                if isinstance(error, Transient):
                    yield from ask_mirrors(self)
            yield Sleep(self.pause(), idle=True)

    def recover(self) -> Generator[Effect, Answer, None]:
        """After a start: the symlink names what was confirmed last, and the proxy serves it with its secrets."""
        yield from publish(self)
        if self.state is None or self.state.active is None:
            return
        active = self.state.active
        link = yield CurrentLink()
        left = isinstance(link, Done) and link.path not in ("", active.digest)
        stands = yield from self._stand(active)
        report = yield ReadBack()
        live = isinstance(report, RunningReport) and report.config_id == active.config_id
        if stands and left and active.inputs:
            # The proxy may have read what the other bundle names, under the same config-id.
            yield Restart()
            yield from read_back(active.config_id)
        elif stands and not live:
            yield Reload()
            yield from read_back(active.config_id)
        yield keep(self.state, self.state.delivered)

    def _stand(self, active: Active) -> Generator[Effect, Answer, bool]:
        """Let the symlink lead to what was confirmed last, with its secrets opened; False when that cannot be had."""
        if active.rendering:
            rendered = yield Render(active.digest, active.rendering, active.secrets)
            self._unrendered = isinstance(rendered, Failed)
            if isinstance(rendered, Failed):
                trust = self.known()[1].trust
                yield from self._note(
                    unrendered(rendered), "", active.digest, trust.sequence if trust is not None else 0
                )
                return False
        link = yield CurrentLink()
        linked = link.path if isinstance(link, Done) else ""
        if linked != active.digest:
            event = "unconfirmed-bundle-left" if linked else "link-made-again"
            yield Say(event, {"found": linked[:19], "confirmed": active.digest[:19]})
            switched = yield Switch(active.digest, active.rendering)
            return not isinstance(switched, Failed)
        return True

    def cycle(self) -> Generator[Effect, Answer, bool]:
        """One round; True when something changed that should be reported at once. Raises `ReconcilerError`."""
        if self.identity is None or self.state is None:
            yield from self.register()
        yield from publish(self)
        told = yield from self._report()
        self.poll_seconds = told.poll_seconds
        self._rounds += 1
        self.parked = 0.0
        if self._unrendered and self._rounds % REVIVE_ROUNDS == 1:
            yield from self._mend()
        anyway = self._rounds % POLL_ANYWAY == 0
        news = worth_a_poll(self, told.etag, anyway=anyway) and (yield from poll(self))
        if self.wishes.tells:
            yield from tell(self)
        return news

    def register(self) -> Generator[Effect, Answer, None]:
        """Turn the join token into an identity, kept before it is used. Raises `Stalled` without a token.

        Every registration brings new keys, and proves that it holds their private halves.
        """
        wishes, token = self.wishes, self.wishes.join_token
        if token is None:
            raise Stalled(
                "E-NOD-002",
                "this node is not registered and has no join token",
                cure="Make one with 'sentinelctl join-token create' and set SENTINEL_JOIN_TOKEN_FILE",
            )
        keys = self.make_keys()
        asked = Registration(
            wishes.project,
            token,
            wishes.name,
            wishes.labels,
            {"agent": protocol.AGENT},
            keys.public,
        )
        answer = yield protocol.registration(asked, None)
        challenge = protocol.read_challenge(protocol.expect(answer, 202))
        opened = open_challenge(challenge, keys.sealing)
        proof = protocol.Proof(opened, sign_registration(asked, opened, keys.signing))
        answer = yield protocol.registration(asked, proof)
        identity = protocol.read_registration(protocol.expect(answer, 201), wishes.name, keys)
        Check(identity, NodeState(root=identity.root), now=self.now())
        state = NodeState(root=identity.root)
        for effect in (SaveState(state), SaveIdentity(identity)):
            saved = yield effect
            if isinstance(saved, Failed):
                raise Stalled(
                    "E-NOD-003",
                    f"the identity could not be kept: {saved.words}",
                    cure="Free space in the node's home",
                )
        self.identity, self.state = identity, state
        yield Say("registered", {"node": identity.id, "environment": identity.environment})

    def pause(self) -> float:
        """Seconds until the next round: the interval with a tenth of jitter, longer while the control plane is away.

        One that asks for patience gets it, up to a quarter of an hour. The time that a poll was parked counts, so that
        a node which polls for long is nearly always there when something is published.
        """
        base = self.poll_seconds
        if self._failures:
            base = min(base * 2 ** min(self._failures - 1, 8), max(60.0, base))
        if self._retry_after >= base:
            # Never earlier than it was asked, and spread, so that those who were sent away do not come back together.
            return self._retry_after + max(base, self._retry_after / 2) * self.chance()
        pause = base * (0.9 + 0.2 * self.chance())
        return pause if self._failures else max(0.0, pause - self.parked)

    def _report(self) -> Generator[Effect, Answer, protocol.Told]:
        identity, state = self.known()
        answer = yield ReadBack()
        words = answer.words if isinstance(answer, Failed) else "the proxy was not asked"
        report = answer if isinstance(answer, RunningReport) else RunningReport(None, False, words)
        if state.active is not None and report.config_id is None:
            if self._deaf % REVIVE_ROUNDS == 0:
                yield Say("proxy-silent", {"reason": report.reason})
                if (yield from self._stand(state.active)):
                    yield Reload()
            self._deaf, self.well = self._deaf + 1, False
            if self._deaf == GIVE_UP_ROUNDS and self.probation:
                yield from give_up(self, "did not stay up")
        else:
            self._deaf = 0
            yield from watch(self, report)
        if self.known()[1] is not state:
            state = self.known()[1]
            answer = yield ReadBack()
            report = answer if isinstance(answer, RunningReport) else report
        self.probation = max(0, self.probation - 1)
        if self.wishes.tells:
            yield Gather(state, report)
        measured = yield Measure()
        self.counter += 1
        beat = protocol.heartbeat(
            identity,
            state,
            report,
            boot_id=self.boot_id,
            counter=self.counter,
            labels=self.wishes.labels,
            signals=measured.signals if isinstance(measured, Measured) else None,
            weight=self.published,
        )
        reply = yield from self.ask(beat)
        if isinstance(reply, HttpReply) and reply.status == 401:
            self.identity = yield from reread(identity)
            reply = yield from self.ask(beat)
        return protocol.read_told(protocol.expect(reply, 200))

    def ask(self, request: HttpRequest) -> Generator[Effect, Answer, Answer]:
        """Ask the control plane as this node, or a mirror as nobody."""
        return (yield from self.credentials.ask(self.known()[0], request))

    def _mend(self) -> Generator[Effect, Answer, None]:
        """Fetch the secrets of what was confirmed last again: those on the disk could not be opened."""
        active = self.known()[1].active
        if active is None:
            return
        if active.secrets:
            try:
                sealed = yield from fetch_secrets(self, active)
            except (Refused, Stalled) as error:
                yield Say("secrets-not-mended", {"code": error.code, "message": error.message})
                return
            yield KeepSealed(active.digest, sealed)
        if (yield from self._stand(active)):
            yield Reload()
            yield from self.save(replace(self.known()[1], refusal=None))

    def remember(self, refused: ReconcilerError, etag: str, check: Check) -> Generator[Effect, Answer, None]:
        """Keep why an offer was refused, for reports, and when it may be looked at again."""
        self.state = replace(self.known()[1], log=check.log)
        yield from self._note(refused, etag, check.digest, check.sequence)

    def _note(
        self, refused: ReconcilerError, etag: str, digest: str, sequence: int
    ) -> Generator[Effect, Answer, None]:
        _, state = self.known()
        known = state.refusal
        tries = known.tries + 1 if known is not None and known.etag == etag else 1
        seconds = min(max(5.0, 3 * self.poll_seconds) * 2 ** min(tries - 1, 10), LONGEST_BACK_OFF)
        now = self.now()
        refusal = Refusal(
            code=refused.code,
            message=clean(refused.message, 1_900) or "no reason given",
            digest=digest,
            sequence=sequence,
            at=iso(now),
            etag=etag,
            tries=tries,
            again_at=iso(now + timedelta(seconds=seconds)),
        )
        yield Say("refused", {"code": refusal.code, "message": refusal.message})
        # A refusal is remembered even where it cannot be written down: the next heartbeat carries it.
        self.state = replace(state, refusal=refusal)
        yield SaveState(self.state)

    def begin_probation(self) -> None:
        """A bundle was activated: for some rounds the proxy has to stay up with it."""
        self.probation, self._deaf, self.ailing, self.was_well = PROBATION_ROUNDS, 0, 0, self.well

    def save(self, state: NodeState) -> Generator[Effect, Answer, None]:
        """Remember, durably. Raises `Refused` when that cannot be."""
        saved = yield SaveState(state)
        if isinstance(saved, Failed):
            raise Refused("E-NOD-025", f"the new state could not be written to disk: {saved.words}")
        self.state = state

    def known(self) -> tuple[Identity, NodeState]:
        """Who this node is and what it remembers. Raises RuntimeError before registration."""
        if self.identity is None or self.state is None:
            raise RuntimeError("the node is not registered")
        return self.identity, self.state

    def _well(self) -> Generator[Effect, Answer, None]:
        if self._failures:
            yield Say("control-plane-answers", {})
        self._failures, self._retry_after, self.trouble = 0, 0.0, ""

    def _unwell(self, error: ReconcilerError) -> Generator[Effect, Answer, None]:
        if not isinstance(error, NotYet):
            self._failures += 1
        self._retry_after = error.retry_after if isinstance(error, Overloaded) else 0.0
        if str(error) != self.trouble:
            self.trouble = str(error)
            yield Say("trouble", {"code": error.code, "message": str(error)})
