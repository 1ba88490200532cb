"""Takes an offer: verifies it step by step, fetches what it names from a source, and has it activated."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.clock import iso
from reconciler.errors import NotYet, ReconcilerError, Refused, Stalled
from reconciler.node import protocol
from reconciler.node.activation import activate, needs_a_start
from reconciler.node.effects import Answer, Effect, Kept, ReadSealed, Say, Sleep
from reconciler.node.publishing import publish
from reconciler.node.returning import refuse_what_was_left
from reconciler.node.sealedset import decode_sealed_set, encode_sealed_set
from reconciler.node.sources import ControlPlaneSource, Source, mirrors_of
from reconciler.node.state import Active
from reconciler.node.telling import last_words
from reconciler.node.verification import Check

if TYPE_CHECKING:
    from reconciler.node.machine import Agent

SECRETS_TRIES = 8
"""How often a node asks for secrets that are not sealed to it yet, a second apart, before it says so and backs off."""


def accept_root(agent: Agent, check: Check, envelope: bytes) -> Generator[Effect, Answer, None]:
    """The root after the one that is believed. It is kept at once, whatever becomes of its offer: keys that
    it took away never count again."""
    check.accept_root(envelope)
    yield from agent.save(replace(agent.known()[1], root=check.root))


def take(
    agent: Agent, check: Check, offer: protocol.Offer, source: Source
) -> Generator[Effect, Answer, None]:
    """Verify an offer step by step, fetching from `source` what it takes, and activate it. Raises `Refused` and
    what `protocol.expect` raises."""
    _, state = agent.known()
    while check.root_version < offer.root_version:
        answer = yield from agent.ask(source.root(check.root_version + 1))
        yield from accept_root(agent, check, protocol.expect(answer, 200).body)
    check.accept_pointer(offer.pointer, offer.cohort)
    tiles = {}
    for tile in check.log_tiles:
        answer = yield from agent.ask(source.log_tile(tile))
        tiles[tile] = protocol.expect(answer, 200).body
    check.accept_log(tiles)
    if check.weight < state.weight:
        # Less is right at once, whether or not the bundle can be had; more only when it runs.
        state = replace(agent.known()[1], weight=check.weight)
        yield from agent.save(state)
        yield from publish(agent)
    refuse_what_was_left(agent, check)
    if state.active is not None and check.digest == state.active.digest:
        yield from agent.save(
            replace(
                state,
                root=check.root,
                trust=check.trust(),
                active=replace(state.active, etag=offer.etag, cohort=offer.cohort),
                refusal=None,
                log=check.log,
                held=None,
                weight=check.weight,
            )
        )
        yield from publish(agent)
        return
    yield from _fetch_blob(agent, check, source)
    check.accept_statement(offer.statement)
    yield from agent.save(replace(state, root=check.root, delivered=check.digest, log=check.log))
    bundle = check.verified(offer.etag, iso(agent.now()))
    if bundle.active.secrets:
        bundle = replace(bundle, sealed=(yield from _sealed(agent, bundle.active, source)))
    before = agent.known()[1].active
    if agent.wishes.tells and before is not None and needs_a_start(before, bundle.active):
        yield from last_words(agent)
    yield Say("activating", {"digest": check.digest[:19], "config_id": bundle.active.config_id})
    agent.state = yield from activate(agent.known()[1], bundle)
    agent.begin_probation()
    yield Say("activated", {"digest": check.digest[:19], "sequence": bundle.trust.sequence})
    yield from publish(agent)


def _fetch_blob(agent: Agent, check: Check, source: Source) -> Generator[Effect, Answer, None]:
    """The blob from the source, or from a mirror when the source has another one or none."""
    mirrors = mirrors_of(agent.known()[0], agent.wishes.mirrors)
    others = [mirror for mirror in mirrors if mirror != source]
    for one in (source, *others):
        answer = yield from agent.ask(one.blob(check.digest, check.blob_length))
        try:
            check.accept_blob(protocol.expect(answer, 200).body)
        except ReconcilerError as error:
            if not others or one == others[-1]:
                raise
            yield Say("source-failed", {"code": error.code, "message": error.message})
        else:
            return


def _sealed(agent: Agent, active: Active, source: Source) -> Generator[Effect, Answer, bytes]:
    """The sealed secrets of a bundle. A mirror has none, but those of the last bundle may be the very ones."""
    if isinstance(source, ControlPlaneSource):
        return (yield from fetch_secrets(agent, active))
    before = agent.known()[1].active
    if before is None or before.secrets != active.secrets:
        raise Refused(
            "E-NOD-058",
            f"bundle {active.digest[:19]} needs secrets in versions that only the control plane can give, and it "
            "is away",
        )
    kept = yield ReadSealed(before.digest)
    if not isinstance(kept, Kept):
        raise Refused("E-NOD-058", "the sealed secrets of the last bundle cannot be read again")
    return encode_sealed_set(decode_sealed_set(kept.data, active.secrets))


def fetch_secrets(agent: Agent, active: Active) -> Generator[Effect, Answer, bytes]:
    """The sealed secrets of a bundle; while they are not sealed to this node yet, some seconds are given to it."""
    identity, _ = agent.known()
    tries = 0
    while True:
        answer = yield from agent.ask(protocol.secrets(identity, active.digest, len(active.secrets)))
        try:
            sealed = protocol.read_secrets(answer)
        except NotYet as error:
            tries += 1
            if tries == SECRETS_TRIES:
                raise Stalled(
                    error.code, error.message, cure="See what the work 'delivery' of the environment says"
                ) from None
            yield Sleep(error.after.total_seconds())
        else:
            return encode_sealed_set(decode_sealed_set(sealed, active.secrets))
