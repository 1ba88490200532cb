"""The node protocol from the node's side: requests to send, answers to read. Answers are checked before use."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.bundle.possession import Registration
from reconciler.bundle.sealed import unwritten
from reconciler.bundle.tiles import Tile
from reconciler.errors import NotYet, Refused, Stalled, Transient
from reconciler.fleet.signals import Signals
from reconciler.node.effects import Answer, Batch, Failed, HttpReply, HttpRequest
from reconciler.node.keys import NodeKeys
from reconciler.node.patience import Overloaded, read_retry_after
from reconciler.node.proxy import RunningReport
from reconciler.node.sealedset import LONGEST_SECRET
from reconciler.node.state import Identity, NodeState
from reconciler.strict_json import unique

AGENT = "sentinel-node/0.1.0"
PARKS = "Prefer"
"""The header with which a poll says for how long it may be parked."""

ANSWER_LIMIT = 512 * 1024
"""Bytes of an answer that is not a blob: pointer, statement and root are far smaller."""

ANSWER_SECONDS = 30.0
TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,4000}")
SLOW = "E-NOD-017"
"""Somebody answers, and so slowly that the node did not wait for the end."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An answer to a poll: what the control plane says this node should run. Nothing in it is believed yet."""

    etag: str
    cohort: str
    pointer: bytes = field(repr=False)
    statement: bytes = field(repr=False)
    root_version: int


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to a heartbeat. `etag` None: there is nothing for this node yet."""

    etag: str | None
    poll_seconds: float


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the keys of a registration are this node's own."""

    answer: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def registration(asked: Registration, proof: Proof | None) -> HttpRequest:
    """Become a node: first without a proof, which is answered with a challenge, then with it.

    With a proof it is never sent twice by itself, for it may have used the token up.
    """
    body: dict[str, Any] = {
        "token": asked.token,
        "name": asked.name,
        "labels": dict(asked.labels),
        "versions": dict(asked.versions),
        "keys": {"signing": asked.keys.signing, "sealing": asked.keys.sealing},
    }
    if proof is not None:
        body["proof"] = {"answer": proof.answer.hex(), "signature": proof.signature.hex()}
    path = f"/api/v1/projects/{quote(asked.project, safe='')}/nodes/register"
    return HttpRequest(
        "POST", path, _headers(), _encode(body), ANSWER_LIMIT, ANSWER_SECONDS, again=proof is None
    )


def token(identity: Identity) -> HttpRequest:
    """Get a token for the node's key."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/token"
    return HttpRequest("POST", path, _headers(), b"{}", ANSWER_LIMIT, ANSWER_SECONDS)


def new_key(identity: Identity, key: str) -> HttpRequest:
    """Have the node known by another key from now on. Doing it again changes nothing."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/key"
    body = {"sha256": hashlib.sha256(key.encode()).hexdigest()}
    return HttpRequest("POST", path, _headers(), _encode(body), ANSWER_LIMIT, ANSWER_SECONDS)


def departure(identity: Identity) -> HttpRequest:
    """End the registration."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}"
    return HttpRequest("DELETE", path, _headers(), None, ANSWER_LIMIT, ANSWER_SECONDS)


def secrets(identity: Identity, digest: str, count: int) -> HttpRequest:
    """Fetch the sealed secrets of a bundle, `count` of them."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/secrets?bundle={quote(digest, safe=':')}"
    limit = 4096 + count * LONGEST_SECRET
    return HttpRequest("GET", path, _headers(), None, limit, ANSWER_SECONDS)


def heartbeat(
    identity: Identity,
    state: NodeState,
    report: RunningReport,
    *,
    boot_id: str,
    counter: int,
    labels: Mapping[str, str],
    signals: Signals | None,
    weight: int | None,
) -> HttpRequest:
    """Say what runs. `running` is a digest only when the proxy itself says that its configuration is live. `weight` is
    what the balancer in front was told last, None when it was told nothing."""
    active = state.active
    live = active is not None and report.config_id == active.config_id
    versions = {"agent": AGENT} | ({"proxy": clean(report.version, 255)} if report.version else {})
    body: dict[str, Any] = {
        "boot_id": boot_id,
        "counter": counter,
        "running": active.digest if active is not None and live else None,
        "config_id": report.config_id,
        "delivered": state.delivered or None,
        "sequence": state.trust.sequence if state.trust is not None else 0,
        "health": _health(state, report),
        "refusal": state.refusal.report() if state.refusal is not None else None,
        "versions": versions,
        "log": str(read_checkpoint(state.log.checkpoint)) if state.log is not None else None,
        "labels": dict(labels),
        "weight": weight,
    }
    if signals is not None:
        body["signals"] = _signals(signals)
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/heartbeat"
    return HttpRequest("POST", path, _headers(), _encode(body), ANSWER_LIMIT, ANSWER_SECONDS)


def batch(identity: Identity, kept: Batch) -> HttpRequest:
    """Tell what was kept. The batch has its name in its body, so sending it again adds nothing."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/{kept.kind}"
    return HttpRequest("POST", path, _headers(), kept.body, ANSWER_LIMIT, ANSWER_SECONDS)


def counters(identity: Identity, name: str, signals: Signals) -> HttpRequest:
    """Tell what a proxy counted, outside a heartbeat."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/metrics"
    body = _encode({"batch": name, "signals": _signals(signals)})
    return HttpRequest("POST", path, _headers(), body, ANSWER_LIMIT, ANSWER_SECONDS)


def poll(identity: Identity, tags: tuple[str, ...], wait: int) -> HttpRequest:
    """Ask what to run, unless it is one of `tags`. `wait`: seconds to be kept waiting for news, 0 for none."""
    headers = dict(_headers())
    if tags:
        headers["If-None-Match"] = ", ".join(tags)
    if wait:
        headers[PARKS] = f"wait={wait}"
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/bundles/latest"
    return HttpRequest("GET", path, headers, None, ANSWER_LIMIT, ANSWER_SECONDS + wait)


def download(identity: Identity, digest: str, length: int) -> HttpRequest:
    """Fetch a blob of exactly `length` bytes."""
    return HttpRequest(
        "GET",
        f"/api/v1/bundles/{quote(digest, safe=':')}",
        _headers(),
        None,
        length,
        ANSWER_SECONDS,
        elsewhere=True,
    )


def root(identity: Identity, version: int) -> HttpRequest:
    """Fetch one version of the root."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/roots/{version}"
    return HttpRequest("GET", path, _headers(), None, ANSWER_LIMIT, ANSWER_SECONDS)


def log_tile(identity: Identity, tile: Tile) -> HttpRequest:
    """Fetch a tile of the organization's log."""
    path = f"/api/v1/nodes/{quote(identity.id, safe='')}/log/{tile.path}"
    return HttpRequest("GET", path, _headers(), None, tile.length, ANSWER_SECONDS)


def expect(answer: Answer, *statuses: int) -> HttpReply:
    """The reply, if its status is one of these. Raises `Transient` (try later) or `Stalled` (a person must act)."""
    if isinstance(answer, Failed):
        if answer.code == SLOW:
            raise Transient(answer.code, answer.words)
        raise Transient("E-NOD-010", f"the control plane cannot be reached: {answer.words}")
    if not isinstance(answer, HttpReply):
        raise RuntimeError(f"a driver answered a request with {type(answer).__name__}")
    if answer.status in statuses:
        return answer
    words = _detail(answer)
    if answer.status == 401:
        raise Stalled(
            "E-NOD-011",
            f"the control plane does not accept this node's credential: {words}",
            cure="Register the node again with a new join token and an empty home",
        )
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise Overloaded(
            "E-NOD-012",
            f"the control plane answered {answer.status}: {words}",
            retry_after=read_retry_after(answer.headers.get("retry-after", "")),
        )
    raise Stalled(
        "E-NOD-013",
        f"the control plane refused the request with {answer.status}: {words}",
        cure="Check that agent and control plane have versions that know each other",
    )


def read_challenge(reply: HttpReply) -> bytes:
    """What the sealing key has to open. Raises `Refused` when the answer is none."""
    return unwritten(_string(_document(reply), "challenge"))


def read_secrets(answer: Answer) -> bytes:
    """The sealed set, still to be checked.

    Raises `NotYet` while it is not ready, `Refused` (E-NOD-059) when the control plane has another value than the
    bundle lists, else as `expect`.
    """
    words = _detail(answer) if isinstance(answer, HttpReply) and answer.status in (409, 503) else ""
    if words.startswith("E-NAP-017 "):
        raise Refused("E-NOD-059", f"the control plane has no value to give: {words}")
    if words.startswith("E-NAP-015 "):
        raise NotYet(
            "E-NOD-057",
            "the control plane has not sealed the secrets of this bundle to this node yet",
            after=timedelta(seconds=1),
        )
    return expect(answer, 200).body


def read_registration(reply: HttpReply, name: str, keys: NodeKeys) -> Identity:
    """Who we are now. Raises `Refused` when the answer is not one."""
    document = _document(reply)
    root_envelope = document.get("root")
    if not isinstance(root_envelope, dict):
        raise _strange("it has no root")
    return Identity(
        id=_string(document, "id"),
        key=_string(document, "key"),
        organization=_string(document, "organization"),
        project=_string(document, "project"),
        environment=_string(document, "environment"),
        name=name,
        root=_text(root_envelope),
        poll_seconds=_seconds(document.get("poll_seconds")),
        keys=keys,
    )


def read_token(reply: HttpReply) -> tuple[str, float]:
    """A token, and for how many seconds it holds. Raises `Refused` when the answer is none."""
    document = _document(reply)
    found = document.get("token")
    if not isinstance(found, str) or not TOKEN.fullmatch(found):
        raise _strange("'token' is not a token")
    return found, _seconds(document.get("expires_in"), "expires_in")


def read_told(reply: HttpReply) -> Told:
    """The answer to a heartbeat. Raises `Refused`."""
    document = _document(reply)
    etag = document.get("pointer_etag")
    if etag is not None and (not isinstance(etag, str) or len(etag) > 200):
        raise _strange("'pointer_etag' is not an ETag")
    return Told(etag, _seconds(document.get("poll_seconds")))


def read_offer(reply: HttpReply) -> Offer:
    """The answer to a poll. Raises `Refused`."""
    etag = reply.headers.get("etag", "")
    document = _document(reply)
    version = document.get("root_version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < 2**31:
        raise _strange("'root_version' is not a version")
    envelopes = [document.get(name) for name in ("pointer", "statement")]
    if not all(isinstance(envelope, dict) for envelope in envelopes):
        raise _strange("pointer or statement is missing")
    pointer, statement = (_text(envelope).encode() for envelope in envelopes)
    return Offer(etag[:200], _string(document, "cohort"), pointer, statement, version)


def clean(words: str, limit: int) -> str:
    """Words that may come from anywhere, cut and without control characters, for a report."""
    kept = "".join(
        c if c in "\n\t" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF) else " " for c in words
    )
    return kept.strip()[:limit]


def _health(state: NodeState, report: RunningReport) -> dict[str, str]:
    if state.active is None:
        return {"state": "unknown", "reason": "nothing was activated yet"}
    if report.healthy and report.config_id == state.active.config_id:
        return {"state": "healthy"}
    reason = report.reason or (
        f"the proxy serves configuration {report.config_id}, not {state.active.config_id} that was activated last"
    )
    return {"state": "unhealthy", "reason": clean(reason, 900)}


def _signals(signals: Signals) -> dict[str, Any]:
    services = {
        name: {
            "requests": counts.requests,
            "failed": counts.failed,
            "observed": counts.observed,
            "within_ms": {str(bound): count for bound, count in counts.buckets},
        }
        for name, counts in sorted(signals.services.items())
    }
    return {
        "life": signals.life,
        "services": services,
        "cpu_permille": signals.cpu_permille,
        "memory_permille": signals.memory_permille,
        "open_breakers": signals.open_breakers,
    }


def _headers() -> dict[str, str]:
    """Those of every request; who is asking is added by `credentials`."""
    return {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": AGENT}


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def _document(reply: HttpReply) -> dict[str, Any]:
    if len(reply.body) > ANSWER_LIMIT:
        raise _strange(f"it is longer than {ANSWER_LIMIT} bytes")
    try:
        document = json.loads(reply.body, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise _strange("it is not JSON with unique names") from None
    if not isinstance(document, dict):
        raise _strange("it is not a JSON object")
    return document


def _string(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise _strange(f"'{name}' is not a short string")
    return value


def _seconds(value: Any, name: str = "poll_seconds") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.05 <= value <= 86_400:
        raise _strange(f"'{name}' is not a number of seconds")
    return float(value)


def _detail(reply: HttpReply) -> str:
    try:
        document = json.loads(reply.body)
        return clean(f"{document['code']} {document['detail']}", 300)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no reason given"


def _strange(words: str) -> Refused:
    return Refused("E-NOD-014", f"the control plane's answer cannot be used: {words}")
