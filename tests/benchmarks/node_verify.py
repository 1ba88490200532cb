"""`node-verify`: full verification of a 1 MB bundle, against SHA-256, unzstd and Ed25519 of the same bytes.

The reference hashes blob and tar, unpacks, and checks the three signatures. Ours also hashes each file, as the manifest
wants it, and reads every header, field and form.
"""

from __future__ import annotations

import gc
import hashlib
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import zstandard
from nacl.signing import SigningKey, VerifyKey

from reconciler.bundle import pointer, statement
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.bundle.dsse import pae
from reconciler.bundle.note import read_note
from reconciler.bundle.root import Root, make_root
from reconciler.bundle.verify import Audience, TrustState, Verifier
from reconciler.compile.compiler import COMPILER
from reconciler.config.source import SourceFile
from reconciler.flows.compiling import compile_confined
from tests.benchmarks.corpus import corpus
from tests.benchmarks.result import Result
from tests.unit.bundle.paper_log import PaperLog, logged

SERVICES = 190
POLICIES = 8
ENTRIES = 1000
ROUNDS = 2000
KEY = SigningKey(bytes(range(32)))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
AUDIENCE = Audience("acme", "bench", "production", "base")


@dataclass(frozen=True)
class _Offer:
    """What a node fetches, and the root that it believes."""

    root: Root
    pointer: bytes
    blob: bytes
    statement: bytes
    signed: tuple[bytes, ...]
    """What the signatures of pointer, statement and checkpoint are over."""


def run() -> Result:
    """Measure both in turns, many times over; the best of each counts, which no neighbour on the machine disturbs."""
    offered = _offer(_bundle())
    _ours(offered)
    _reference(offered)
    ours: list[float] = []
    reference: list[float] = []
    gc.disable()
    try:
        for _ in range(ROUNDS):
            ours.append(_ours(offered))
            reference.append(_reference(offered))
    finally:
        gc.enable()
    return Result("node-verify", min(ours), min(reference), "s", 2.0, "lower")


def _ours(offered: _Offer) -> float:
    """Every check of a node, from the pointer on; a root is walked only when there is a new one."""
    began = time.perf_counter()
    verifier = Verifier(TrustState(offered.root), AUDIENCE)
    verifier.accept_pointer(offered.pointer, now=NOW)
    verifier.accept_blob(offered.blob)
    verifier.accept_statement(offered.statement)
    return time.perf_counter() - began


def _reference(offered: _Offer) -> float:
    """The cryptography and the decompression that no design can leave out, and nothing else."""
    signatures = [(message, KEY.sign(message).signature) for message in offered.signed]
    public = bytes(KEY.verify_key)
    began = time.perf_counter()
    hashlib.sha256(offered.blob).digest()
    tar = zstandard.ZstdDecompressor().decompress(offered.blob)
    hashlib.sha256(tar).digest()
    for message, signature in signatures:
        VerifyKey(public).verify(message, signature)
    return time.perf_counter() - began


def _bundle() -> BuiltBundle:
    """About 1 MB unpacked in some tens of files, as the compiler makes it of a real repository."""
    # The corpus repeats itself more than people do: a token for each service brings it to what configurations pack to.
    files = {
        path: re.sub(rb'set "X-Service" "(.*?)"', _token, content)
        for path, content in corpus(SERVICES).items()
    }
    files["policies.kdl"] = "\n".join(_policy(number) for number in range(POLICIES)).encode()
    compilation, findings = compile_confined(
        [SourceFile(path, content) for path, content in files.items()], now=NOW
    )
    if compilation is None:
        raise SystemExit("\n".join(str(finding) for finding in findings[:5]))
    return build_bundle(compilation)


def _token(match: re.Match[bytes]) -> bytes:
    return b'set "X-Service" "%b"' % hashlib.sha512(match[1]).hexdigest().encode()


def _policy(number: int) -> str:
    """A WAF policy and a service that uses it: a file of rules in each environment."""
    return f"""waf-policy "policy-{number}" {{
    mode "block"
    sensitivity "medium"
    rule {942100 + 10 * number} action="disable" note="Wrong about every second order"
}}
service "guarded-{number}" {{
    hosts "guarded-{number}.example.com"
    upstream "service-{number:05d}"
    waf "policy-{number}"
}}
"""


def _offer(bundle: BuiltBundle) -> _Offer:
    public = bytes(KEY.verify_key)
    roles = {role: ([public], 1) for role in ("root", "bundle", "pointer")}
    stated = statement.Statement(
        organization="acme",
        project="bench",
        tar_sha256=bundle.digest.removeprefix("sha256:"),
        tar_length=len(bundle.tar),
        blob_sha256=bundle.blob_sha256,
        blob_length=len(bundle.blob),
        repository="https://forge.example/acme/bench.git",
        path="",
        commit="1" * 40,
        tree="2" * 40,
        author="Ada <ada@example.com>",
        compiler=COMPILER,
    )
    unlogged = pointer.Pointer(
        organization="acme",
        project="bench",
        environment="production",
        cohort="base",
        epoch=1,
        sequence=1,
        digest=bundle.digest,
        length=len(bundle.tar),
        blob_sha256=bundle.blob_sha256,
        blob_length=len(bundle.blob),
        issued=NOW,
        expires=NOW + timedelta(days=1),
    )
    log = PaperLog()
    log.grow(ENTRIES)
    pointed = logged(unlogged, KEY, log=log)
    return _Offer(
        root=make_root(
            version=1, organization="acme", epoch=1, expires=NOW + timedelta(days=365), roles=roles
        ),
        pointer=pointer.sign_pointer(pointed, KEY),
        blob=bundle.blob,
        statement=statement.sign_statement(stated, KEY),
        signed=(
            pae(pointer.PAYLOAD_TYPE, pointer.encode_pointer(pointed)),
            pae(statement.PAYLOAD_TYPE, statement.encode_statement(stated)),
            read_note(pointed.log.checkpoint).text.encode(),
        ),
    )
