"""`signing`: the statements of 1,000 bundles against the bare hashing and signing of the same bytes."""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time

from nacl.signing import SigningKey

from reconciler.bundle import dsse
from reconciler.bundle.archive import digest_of
from reconciler.bundle.statement import PAYLOAD_TYPE, Statement, encode_statement, sign_statement
from tests.benchmarks.result import Result

BUNDLES = 1_000
TAR_BYTES = 1_600_000
"""A project of 1,000 services, and what its tar compresses to."""
BLOB_BYTES = 155_000
ROUNDS = 3


def run() -> Result:
    """Both in one process, in turn; of each the median."""
    key = SigningKey(hashlib.sha256(b"bench").digest())
    tar, blob = secrets.token_bytes(TAR_BYTES), secrets.token_bytes(BLOB_BYTES)
    payloads = [encode_statement(_statement(tar, blob, number)) for number in range(BUNDLES)]
    ours, reference = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for number in range(BUNDLES):
            sign_statement(_statement(tar, blob, number), key)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        for payload in payloads:
            hashlib.sha256(tar).digest()
            hashlib.sha256(blob).digest()
            key.sign(dsse.pae(PAYLOAD_TYPE, payload))
        reference.append(time.perf_counter() - start)
    return Result(
        "signing",
        statistics.median(ours),
        statistics.median(reference),
        "seconds",
        target=1.5,
        better="lower",
    )


def _statement(tar: bytes, blob: bytes, number: int) -> Statement:
    return Statement(
        organization="acme",
        project="shop",
        tar_sha256=digest_of(tar).removeprefix("sha256:"),
        tar_length=len(tar),
        blob_sha256=hashlib.sha256(blob).hexdigest(),
        blob_length=len(blob),
        repository="https://forge.example/acme/fleet.git",
        path="",
        commit=f"{number:040x}",
        tree="2" * 40,
        author="Ada Operator <ada@example.com>",
        compiler="sentinel-compiler/0.1.0",
    )
