"""Signs small bundles as a control plane would, and offers them to agents without a network or with one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.bindings import crypto_aead_aes256gcm_encrypt
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey

from reconciler.bundle import archive
from reconciler.bundle.manifest import MANIFEST, Manifest, ManifestEnvironment, describe, encode_manifest
from reconciler.bundle.pointer import Pointer, sign_pointer
from reconciler.bundle.root import Root, make_root, sign_root
from reconciler.bundle.sealed import NONCE, Label, SealedValue, key_id, written
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.keys.sealing import rewrap, wrap
from reconciler.node.effects import Answer, Failed, HttpReply, HttpRequest
from reconciler.pinned import Pinned
from tests.unit.bundle.paper_log import PaperLog, logged

ENVIRONMENTS = ("dev", "production")
DAY = timedelta(days=1)


def signing_key(name: str) -> SigningKey:
    """A signing key that is always the same for a name."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def make_signed_root(now: datetime, **changes: Any) -> bytes:
    """A root of 'acme' whose three roles have one key each."""
    roles = {role: ([bytes(signing_key(role).verify_key)], 1) for role in ("root", "bundle", "pointer")}
    root: Root = make_root(version=1, organization="acme", epoch=1, expires=now + 365 * DAY, roles=roles)
    return sign_root(replace(root, **changes), [signing_key("root")])


def proxy_config(target: str = "127.0.0.1:3000", admin_port: int = 9901, tls: str = "") -> tuple[bytes, str]:
    """A configuration as the compiler writes them, and its config-id."""
    block = f"tls {{\n            {tls}\n        }}" if tls else ""
    text = f"""system {{
    worker-threads 2
}}
listeners {{
    listener "http" {{
        address "0.0.0.0:8080"
        {block}
    }}
    listener "sentinel-admin" {{
        address "127.0.0.1:{admin_port}"
        namespace "sentinel-control"
    }}
}}
upstreams {{
    upstream "app" {{
        target "{target}"
    }}
}}
routes {{
    route "app" {{
        matches {{
            path-prefix "/"
        }}
        upstream "app"
    }}
}}
"""
    config_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    marker = f'filters {{\n    filter "sentinel-config-{config_id}" {{\n        type "log"\n    }}\n}}\n'
    return (text + marker).encode(), config_id


def paper_seal(value: bytes, public: bytes, label: Label) -> SealedValue:
    """Seals as `seal` does, but a value always gives the same VALUE under a label, so a bundle can be built before."""
    data_key = hashlib.sha256(b"key " + label.bound() + value).digest()
    nonce = hashlib.sha256(b"nonce " + label.bound() + value).digest()[:NONCE]
    content = crypto_aead_aes256gcm_encrypt(value, label.bound(), nonce, data_key)
    return SealedValue(key_id(public), wrap(data_key, public), nonce + content)


def pinned(name: str, version: int, value: bytes, environment: str = "production") -> Pinned:
    """What names the VALUE that `paper_seal` gives."""
    label = Label("shop", environment, name, version)
    return Pinned.of(version, paper_seal(value, bytes(signing_key("any").verify_key), label).value)


@dataclass(frozen=True)
class Built:
    """A bundle for every environment in `ENVIRONMENTS`, all with the same configuration."""

    digest: str
    tar: bytes
    blob: bytes
    config_id: str
    statement: bytes
    secrets: Mapping[str, Pinned] = field(default_factory=dict)

    @property
    def blob_sha256(self) -> str:
        return hashlib.sha256(self.blob).hexdigest()


def build(
    target: str = "127.0.0.1:3000",
    *,
    admin_port: int = 9901,
    restart_key: str = "r1",
    config: bytes | None = None,
    extra: str = "",
    environments: tuple[str, ...] = ENVIRONMENTS,
    tls: str = "",
    secrets: Mapping[str, Pinned] | None = None,
    further: Mapping[str, bytes] | None = None,
    proxy_version: str = "",
    agent_version: str = "",
) -> Built:
    """A verified, signed bundle whose proxy sends everything to `target`. `extra` changes the digest alone.

    `tls` goes into the first listener, `secrets` into the manifest, `further` files beside.
    """
    text, config_id = proxy_config(target, admin_port, tls)
    files = {f"config/{name}/sentinel.kdl": config if config is not None else text for name in environments}
    if extra:
        files["agents/extra.txt"] = extra.encode()
    files.update(further or {})
    manifest = Manifest(
        compiler="sentinel-compiler/0.1.0",
        environments={
            name: ManifestEnvironment(config_id, restart_key, secrets or {}, proxy_version, agent_version)
            for name in environments
        },
        files={path: describe(content) for path, content in files.items()},
    )
    return build_of(files, encode_manifest(manifest), config_id=config_id, secrets=dict(secrets or {}))


def build_of(
    files: Mapping[str, bytes],
    manifest: bytes,
    *,
    config_id: str = "",
    secrets: Mapping[str, int] | None = None,
) -> Built:
    """A signed bundle of these very files, whether or not the manifest is right about them."""
    tar = archive.build_tar({**files, MANIFEST: manifest})
    blob = archive.compress(tar)
    digest = archive.digest_of(tar)
    statement = Statement(
        organization="acme",
        project="shop",
        tar_sha256=digest.removeprefix("sha256:"),
        tar_length=len(tar),
        blob_sha256=hashlib.sha256(blob).hexdigest(),
        blob_length=len(blob),
        repository="https://forge.example/acme/shop.git",
        path="",
        commit="1" * 40,
        tree="2" * 40,
        author="Ada <ada@example.com>",
        compiler="sentinel-compiler/0.1.0",
    )
    envelope = sign_statement(statement, signing_key("bundle"))
    return Built(digest, tar, blob, config_id, envelope, dict(secrets or {}))


def point(
    built: Built, *, sequence: int, now: datetime, log: PaperLog | None = None, **changes: Any
) -> bytes:
    """A signed pointer to a bundle, for the base cohort of production unless `changes` say otherwise."""
    pointer = Pointer(
        organization="acme",
        project="shop",
        environment="production",
        cohort="base",
        epoch=1,
        sequence=sequence,
        digest=built.digest,
        length=len(built.tar),
        blob_sha256=built.blob_sha256,
        blob_length=len(built.blob),
        issued=now,
        expires=now + DAY,
    )
    key = signing_key("pointer")
    return sign_pointer(logged(replace(pointer, **changes), key, log=log), key)


def etag(envelope: bytes) -> str:
    return f'"{hashlib.sha256(envelope).hexdigest()}"'


def flip(data: bytes, at: int) -> bytes:
    """The same bytes with one bit changed, in base64 text to another letter of base64."""
    swapped = bytearray(data)
    swapped[at] = ord("B") if swapped[at] == ord("A") else ord("A")
    return bytes(swapped)


@dataclass
class PaperSecrets:
    """The secrets of production: sealed for the environment's key, wrapped again for whoever asks."""

    key: PrivateKey = field(default_factory=lambda: PrivateKey(hashlib.sha256(b"production").digest()))
    sealed: dict[tuple[str, int], SealedValue] = field(default_factory=dict)
    needed: dict[str, Mapping[str, Pinned]] = field(default_factory=dict)
    late: int = 0
    """So many times the answer is that the secrets are on their way."""

    def put(self, name: str, version: int, value: bytes) -> None:
        """Seal a value."""
        label = Label("shop", "production", name, version)
        self.sealed[name, version] = paper_seal(value, bytes(self.key.public_key), label)

    def answer(self, digest: str, node: bytes) -> HttpReply:
        """What the node API would say."""
        if self.late > 0:
            self.late -= 1
            return HttpReply(503, {"retry-after": "1"}, b'{"code":"E-NAP-015","detail":"not yet"}')
        found = [(name, p.version, self.sealed[name, p.version]) for name, p in self.needed[digest].items()]
        items = [
            {
                "name": name,
                "version": version,
                "value": written(sealed.value),
                "wrapped": written(rewrap(sealed.wrapped, self.key, node)),
            }
            for name, version, sealed in found
        ]
        return HttpReply(200, {}, json.dumps({"secrets": items}).encode())


@dataclass
class PaperControlPlane:
    """Answers one node's requests from memory, as the node API does. `offered` may be anything, however wrong."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 20, 0, tzinfo=UTC))
    pointer: bytes | None = None
    statement: bytes = b""
    blobs: dict[str, bytes] = field(default_factory=dict)
    cohort: str = "base"
    away: bool = False
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    environment: str = "production"
    secrets: PaperSecrets = field(default_factory=lambda: PaperSecrets())
    log: PaperLog = field(default_factory=PaperLog)
    key_sha256: str = hashlib.sha256(b"snk_secret").hexdigest()
    tokens: tuple[str, ...] = ()
    token_seconds: int = 3600
    told: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """What was told in batches, by their names: the kind, and the body."""
    batch_answer: HttpReply | None = None
    """What every batch is answered with, if not that it was taken."""

    def __post_init__(self) -> None:
        self.roots.setdefault(1, make_signed_root(self.now))

    def offer(self, built: Built, *, sequence: int, **changes: Any) -> None:
        """Offer a bundle."""
        self.pointer = point(built, sequence=sequence, now=self.now, log=self.log, **changes)
        self.statement = built.statement
        self.blobs[built.digest] = built.blob
        self.secrets.needed[built.digest] = built.secrets
        self.cohort = changes.get("cohort", "base")

    registered: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def sealing_key(self) -> bytes:
        """The public key that the node proved last."""
        return bytes.fromhex(self.registered["keys"]["sealing"])

    def close(self) -> None:
        """Nothing is open."""

    def ask(self, request: HttpRequest) -> Answer:
        self.asked.append(f"{request.method} {request.path}")
        if self.away:
            return Failed("ConnectionRefusedError: nobody listens")
        if request.path.endswith("/register"):
            body = json.loads(request.body or b"")
            if "proof" not in body:
                answer = SealedBox(PublicKey(bytes.fromhex(body["keys"]["sealing"]))).encrypt(b"?" * 32)
                return self._json(202, {"challenge": written(answer)})
            self.registered = body
            return self._json(
                201,
                {
                    "id": "n-abcdefghijkl", "key": "snk_secret", "organization": "acme", "project": "shop",
                    "environment": self.environment, "root": json.loads(self.roots[1]), "poll_seconds": 2,
                },
            )  # fmt: skip
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path.endswith(("/token", "/key")) or request.method == "DELETE":
            return self._own_credential(request, shown)
        if shown not in self.tokens:
            return self._json(401, {"code": "E-NAP-005", "detail": "not authenticated"})
        if request.path.endswith("/heartbeat"):
            self.heartbeats.append(json.loads(request.body or b""))
            return self._json(
                200, {"pointer_etag": etag(self.pointer) if self.pointer else None, "poll_seconds": 2}
            )
        if request.path.endswith("/bundles/latest"):
            return self._latest(request)
        if request.path.endswith(("/events", "/metrics", "/waf-events", "/config")):
            body = json.loads(request.body or b"")
            known = body["batch"] in self.told
            self.told.setdefault(body["batch"], (request.path.rpartition("/")[2], body))
            return self.batch_answer or self._json(200, {"taken": int(not known), "known": known})
        if "/secrets?bundle=" in request.path:
            return self.secrets.answer(request.path.rpartition("=")[2], self.sealing_key)
        if "/roots/" in request.path:
            return HttpReply(200, {}, self.roots[int(request.path.rpartition("/")[2])])
        if "/log/tile/" in request.path:
            path = request.path.partition("/log/")[2]
            found = next((data for tile, data in self.log.tiles.items() if tile.path == path), None)
            return HttpReply(404, {}, b"{}") if found is None else HttpReply(200, {}, found)
        blob = self.blobs.get(request.path.rpartition("/")[2])
        return HttpReply(404, {}, b"{}") if blob is None else HttpReply(200, {}, blob[: request.limit + 1])

    def _own_credential(self, request: HttpRequest, shown: str) -> Answer:
        """What the key alone is good for."""
        if hashlib.sha256(shown.encode()).hexdigest() != self.key_sha256:
            return self._json(401, {"code": "E-NAP-005", "detail": "not authenticated"})
        if request.path.endswith("/token"):
            self.tokens = (*self.tokens, f"paper.token.{len(self.tokens)}")
            return self._json(200, {"token": self.tokens[-1], "expires_in": self.token_seconds})
        self.key_sha256 = json.loads(request.body)["sha256"] if request.body else ""
        self.tokens = ()
        return HttpReply(204, {}, b"")

    def _latest(self, request: HttpRequest) -> Answer:
        self.tags.append(request.headers.get("If-None-Match", ""))
        if self.pointer is None:
            return HttpReply(204, {}, b"")
        tag = etag(self.pointer)
        if tag in self.tags[-1]:
            return HttpReply(304, {"etag": tag}, b"")
        body = (
            b'{"cohort":"%s","root_version":%d,"blob":"x","pointer":%s,"statement":%s}'
            % (self.cohort.encode(), max(self.roots), self.pointer, self.statement)
        )  # fmt: skip
        return HttpReply(200, {"etag": tag}, body)

    def _json(self, status: int, document: Any) -> HttpReply:
        return HttpReply(status, {}, json.dumps(document).encode())
