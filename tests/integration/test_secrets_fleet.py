"""Secrets from the store to running nodes: real agents, the real node API, a release worker; only proxies are fake."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.sealed import WRAPPED, Label, SealedValue, key_id, unwritten, written
from reconciler.db import session
from reconciler.db.models import Bundle, Event, Node
from reconciler.db.node_keys import WrappedKey
from reconciler.db.owed import ask
from reconciler.errors import Refused
from reconciler.flows.founding import sealing_key_file
from reconciler.keys.sealing import rewrap, seal, wrap
from reconciler.node.keys import make_keys
from reconciler.node.sealedset import decode_sealed_set, open_sealed_set
from reconciler.node.state import decode_identity
from reconciler.pinned import Pinned
from reconciler.simulator.building import Group
from reconciler.store import layout
from tests.integration.delivery_world import DeliveryWorld, Worker
from tests.integration.fleet_stage import Stage, all_run
from tests.integration.node_servers import TamperingServer
from tests.integration.test_node_mirrors import Mirror, publish, refusals
from tests.integration.test_node_mirrors import running as activated
from tests.unit.node.publishing import Built, build, pinned

KEYS = {1: b"canary-private-key-one", 2: b"canary-private-key-two"}
TOKEN = b"canary-token-of-the-agent"
CANARIES = (*KEYS.values(), TOKEN)
TLS = 'cert-file "${bundle:certificates/shop.pem}"\n            key-file "${secret-file:shop-key}"'


def shop(number: int, target: str = "127.0.0.1:3000") -> Built:
    """A bundle with certificate `number`, which goes with version `number` of the key."""
    further = {
        "certificates/shop.pem": f"certificate {number}".encode(),
        "agents/production/auth/customers.json": b'{"jwt-secret": "${secret:token}"}',
    }
    secrets = {"shop-key": pinned("shop-key", number, KEYS[number]), "token": pinned("token", 1, TOKEN)}
    return build(target, tls=TLS, secrets=secrets, further=further)


ONE, TWO = shop(1), shop(2)


class SecretStage(Stage):
    """A stage whose installation can deliver secrets, with a release worker that does."""

    def __init__(self, tmp_path: Path, port: int) -> None:
        super().__init__(tmp_path, port)
        self.world = DeliveryWorld(self.settings)
        for number, value in KEYS.items():
            self.world.seal("shop-key", number, value)
        self.world.seal("token", 1, TOKEN)
        self.worker = Worker(self.world)

    def point(self, built: Built, sequence: int) -> None:
        """Publish a pointer as the environment's flow does, and wait for nothing."""
        self.release.pointer(built, sequence=sequence)
        ask("acme", "shop", "delivery", "production", now=clock.now())

    def matching(self, number: int) -> None:
        """Every proxy has read certificate and key of this number, the key from a private file."""
        assert self.fleet is not None
        for node in self.fleet.nodes:
            certificate, key = node.proxy.files["cert-file"], node.proxy.files["key-file"]
            assert certificate.sha256 == hashlib.sha256(f"certificate {number}".encode()).hexdigest()
            assert (key.sha256, key.mode) == (hashlib.sha256(KEYS[number]).hexdigest(), 0o600)

    def home(self, number: int) -> Path:
        return self.nodes / f"sim-production-{number}"


@pytest.fixture
def stage(tmp_path: Path, free_port: int) -> Iterator[SecretStage]:
    stage = SecretStage(tmp_path, free_port)
    yield stage
    stage.stop_fleet()
    stage.worker.stop()
    stage.api.stop()
    session.disconnect()


def running(stage: SecretStage, built: Built, count: int) -> list[Node]:
    return stage.until(lambda nodes: len(nodes) == count and all_run(built.digest)(nodes), 40)


def test_a_rollback_of_a_certificate_brings_the_matching_key_back(stage: SecretStage) -> None:
    stage.point(ONE, 1)
    stage.start((Group("production", 3),), token=stage.release.token())
    running(stage, ONE, 3)
    stage.matching(1)
    stage.point(TWO, 2)
    running(stage, TWO, 3)
    stage.matching(2)
    stage.point(ONE, 3)
    nodes = running(stage, ONE, 3)
    stage.matching(1)
    assert {node.sequence for node in nodes} == {3}
    assert [node.refusal for node in nodes] == [None, None, None]


def test_machines_boot_with_their_secrets_while_the_control_plane_is_down(stage: SecretStage) -> None:
    stage.point(TWO, 1)
    stage.start((Group("production", 2),), token=stage.release.token())
    running(stage, TWO, 2)
    folders = [node.hands.run.path for node in stage.fleet.nodes] if stage.fleet else []
    stage.stop_fleet()
    stage.api.stop()
    assert [folder.exists() for folder in folders] == [False, False], "memory is empty after a boot"
    fleet = stage.start((Group("production", 2),))
    deadline = time.monotonic() + 20
    while not all(node.proxy.running().config_id == TWO.config_id for node in fleet.nodes):
        assert time.monotonic() < deadline, stage.log[-20:]
        time.sleep(0.05)
    stage.matching(2)
    assert any("E-NOD-010" in line for line in stage.log), "nobody answers"


def test_a_node_that_registers_has_its_secrets_soon(stage: SecretStage) -> None:
    """No pointer is published after it came: the registration alone makes the worker wrap for it."""
    stage.release.pointer(ONE, sequence=1)
    stage.start((Group("production", 1),), token=stage.release.token())
    running(stage, ONE, 1)
    stage.matching(1)
    assert not [line for line in stage.log if "refused" in line]


def identity(stage: SecretStage, number: int) -> Any:
    return decode_identity((stage.home(number) / "identity.json").read_bytes(), "identity")


def test_a_node_cannot_have_or_open_anothers(stage: SecretStage) -> None:
    stage.point(ONE, 1)
    stage.start((Group("production", 2),), token=stage.release.token())
    running(stage, ONE, 2)
    mine, other = identity(stage, 1), identity(stage, 2)

    def ask_for(node: str, key: str) -> Any:
        url = f"{stage.api.url}/api/v1/nodes/{node}/secrets?bundle={ONE.digest}"
        return http.request("GET", url, headers={"Authorization": f"Bearer {key}"})

    with urllib3.PoolManager(retries=False) as http:
        good = ask_for(mine.id, mine.key)
        assert good.status == 200
        assert good.headers["cache-control"] == "no-store"
        assert ask_for(mine.id, other.key).status == 401
        assert ask_for(other.id, mine.key).status == 401
        assert ask_for(mine.id, "snk_wrong").status == 401
    sealed = decode_sealed_set(good.data, ONE.secrets)
    where = {"project": "shop", "environment": "production"}
    assert open_sealed_set(sealed, mine.keys.sealing, **where)["token"] == TOKEN
    # Stolen on the way or from the disk, it opens nothing without this node's own key.
    stolen = decode_sealed_set(next((stage.home(1) / "sealed").iterdir()).read_bytes(), ONE.secrets)
    for secrets in (sealed, stolen):
        for key in (other.keys.sealing, make_keys().sealing, stage.world.keys["production"]):
            with pytest.raises(Refused, match="E-SEC-002"):
                open_sealed_set(secrets, key, **where)


def _secret(document: Any, name: str) -> Any:
    return next(secret for secret in document["secrets"] if secret["name"] == name)


def _bent(document: Any, stage: SecretStage) -> None:
    value = bytearray(unwritten(_secret(document, "shop-key")["value"]))
    value[len(value) // 2] ^= 1
    _secret(document, "shop-key")["value"] = written(bytes(value))


def _of_another_name(document: Any, stage: SecretStage) -> None:
    token, key = _secret(document, "token"), _secret(document, "shop-key")
    token["value"], key["value"] = key["value"], token["value"]
    token["wrapped"], key["wrapped"] = key["wrapped"], token["wrapped"]


def _of_another_version(document: Any, stage: SecretStage) -> None:
    node = Node.get()
    key = _secret(document, "shop-key")
    key["wrapped"] = WrappedKey.get(
        WrappedKey.node == node.id, WrappedKey.name == "shop-key", WrappedKey.version == 1
    ).wrapped
    key["value"] = written(_stored(stage, "production", "shop-key", 1))


def _of_another_environment(document: Any, stage: SecretStage) -> None:
    sealed = seal(
        KEYS[2], bytes(identity(stage, 1).keys.sealing.public_key), Label("shop", "dev", "shop-key", 2)
    )
    key = _secret(document, "shop-key")
    key["value"], key["wrapped"] = written(sealed.value), written(sealed.wrapped)


def _chosen(stage: SecretStage) -> SealedValue:
    """As good as the true one, but for what it holds: sealed for this very node under the very label."""
    own = bytes(identity(stage, 1).keys.sealing.public_key)
    return seal(b"chosen by an attacker", own, Label("shop", "production", "shop-key", 2))


def _of_an_attackers_choice(document: Any, stage: SecretStage) -> None:
    key, forged = _secret(document, "shop-key"), _chosen(stage)
    key["value"], key["wrapped"] = written(forged.value), written(forged.wrapped)


def _another_data_key(document: Any, stage: SecretStage) -> None:
    _secret(document, "shop-key")["wrapped"] = written(_chosen(stage).wrapped)


def _for_another_node(document: Any, stage: SecretStage) -> None:
    _secret(document, "shop-key")["wrapped"] = written(wrap(b"k" * 32, bytes(make_keys().sealing.public_key)))


def _another_version_named(document: Any, stage: SecretStage) -> None:
    _secret(document, "shop-key")["version"] = 1


def _stored(stage: SecretStage, environment: str, name: str, version: int) -> bytes:
    key = layout.sealed_value("acme", "shop", environment, name, version)
    return stage.world.context.store.get(key, limit=10**6)


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (_bent, "E-NOD-059"),
        (_of_another_name, "E-NOD-059"),
        (_of_another_version, "E-NOD-059"),
        (_of_another_environment, "E-NOD-059"),
        (_of_an_attackers_choice, "E-NOD-059"),
        (_another_data_key, "E-SEC-003"),
        (_for_another_node, "E-SEC-002"),
        (_another_version_named, "E-NOD-050"),
    ],
)
def test_a_secret_that_was_changed_or_moved_is_refused_and_the_old_one_serves(
    stage: SecretStage, bend: Any, code: str
) -> None:
    stage.point(ONE, 1)
    front = TamperingServer(stage.api.port)
    try:
        stage.start((Group("production", 1),), url=front.url, token=stage.release.token())
        running(stage, ONE, 1)

        def tamper(path: str, body: bytes) -> bytes:
            if "/secrets?" not in path:
                return body
            document = json.loads(body)
            bend(document, stage)
            return json.dumps(document).encode()

        front.tamper = tamper
        stage.point(TWO, 2)
        node = stage.until(lambda nodes: nodes[0].refusal is not None, 30)[0]
        assert node.refusal["code"] == code
        assert node.refusal["digest"] == TWO.digest
        assert (node.running, node.health) == (ONE.digest, "healthy")
        stage.matching(1)
        front.tamper = lambda path, body: body
        stage.point(TWO, 3)
        assert running(stage, TWO, 1)[0].refusal is None
        stage.matching(2)
    finally:
        stage.stop_fleet()
        front.stop()


def test_a_value_that_was_replaced_in_the_store_and_the_database_reaches_no_node(stage: SecretStage) -> None:
    """Whoever can write to both makes everything match: value, data key, and what the rows say of the bundle."""
    stage.point(ONE, 1)
    stage.start((Group("production", 1),), token=stage.release.token())
    running(stage, ONE, 1)
    place, store = ("acme", "shop", "production", "shop-key", 2), stage.world.context.store
    public = bytes(stage.world.keys["production"].public_key)
    true = _stored(stage, "production", "shop-key", 2)
    true_key = store.get(layout.wrapped_key(*place, key_id(public)), limit=10**6)
    forged = seal(b"chosen by an attacker", public, Label("shop", "production", "shop-key", 2))
    store.replace(layout.sealed_value(*place), forged.value)
    store.replace(layout.wrapped_key(*place, forged.key_id), forged.wrapped)
    # The worker wraps nothing of it, and says so.
    stage.point(TWO, 2)
    refused = stage.until(lambda nodes: nodes[0].refusal is not None, 40)[0]
    assert refused.refusal["code"] == "E-NOD-057"
    with session.reading():
        assert [e.details["code"] for e in Event.select().where(Event.kind == "work.stalled")] == [
            "E-SEC-021"
        ]
        assert not WrappedKey.select().where(WrappedKey.version == 2).exists()
    # The rows are made to match, so that control plane and worker are taken in.
    with session.writing():
        bundle = Bundle.get(Bundle.digest == TWO.digest)
        for environment in bundle.environments.values():
            environment["secrets"]["shop-key"] = Pinned.of(2, forged.value).to_json()
        Bundle.update(environments=bundle.environments).where(Bundle.digest == TWO.digest).execute()
    stage.point(TWO, 3)
    refused = stage.until(
        lambda nodes: nodes[0].refusal is not None and nodes[0].refusal["code"] == "E-NOD-059", 40
    )[0]
    assert (refused.running, refused.health) == (ONE.digest, "healthy")
    with session.reading():
        assert WrappedKey.select().where(WrappedKey.version == 2).exists(), "it did come as far as the node"
    stage.matching(1)
    # Put right again, it is taken.
    store.replace(layout.sealed_value(*place), true)
    store.replace(layout.wrapped_key(*place, key_id(public)), true_key)
    with session.writing():
        WrappedKey.delete().where(WrappedKey.version == 2).execute()
        Bundle.delete().where(Bundle.digest == TWO.digest).execute()
    stage.point(TWO, 4)
    assert running(stage, TWO, 1)[0].refusal is None
    stage.matching(2)


def test_data_keys_that_were_wrapped_for_a_new_environment_key_are_taken(stage: SecretStage) -> None:
    """What `secret rewrap` brings: the old private key is gone, and every value and digest is as before."""
    stage.point(ONE, 1)
    stage.start((Group("production", 1),), token=stage.release.token())
    running(stage, ONE, 1)
    old, new, store = stage.world.keys["production"], PrivateKey.generate(), stage.world.context.store
    for name, version in (("shop-key", 2), ("token", 1)):
        place = ("acme", "shop", "production", name, version)
        wrapped = store.get(layout.wrapped_key(*place, key_id(bytes(old.public_key))), limit=WRAPPED)
        again = rewrap(wrapped, old, bytes(new.public_key))
        store.put(layout.wrapped_key(*place, key_id(bytes(new.public_key))), again)
    path = stage.settings.config_file.parent / sealing_key_file("shop", "production")
    path.write_text(bytes(new).hex())
    stage.point(TWO, 2)
    assert running(stage, TWO, 1)[0].refusal is None
    stage.matching(2)


def test_a_mirror_brings_bundles_whose_secrets_are_kept_already_and_no_others(stage: SecretStage) -> None:
    mirror = Mirror(stage.settings.files)
    try:
        stage.point(ONE, 1)
        stage.start((Group("production", 1),), token=stage.release.token(), mirrors=(mirror.url,))
        running(stage, ONE, 1)
        stage.api.stop()
        (kept,) = (stage.home(1) / "sealed").iterdir()
        true = kept.read_bytes()
        document = json.loads(true)
        _of_an_attackers_choice(document, stage)
        kept.write_bytes(json.dumps(document).encode())
        publish(stage, shop(1, "127.0.0.1:4001"), 2, later=2)
        until_refused(stage, "E-NOD-059")
        stage.matching(1)
        kept.write_bytes(true)
        same = shop(1, "127.0.0.1:4002")
        publish(stage, same, 3, later=4)
        activated(stage, same.digest)
        stage.matching(1)
        publish(stage, TWO, 4, later=6)
        until_refused(stage, "E-NOD-058")
        activated(stage, same.digest)
    finally:
        stage.stop_fleet()
        mirror.stop()


def until_refused(stage: SecretStage, code: str) -> None:
    deadline = time.monotonic() + 30
    while code not in refusals(stage):
        assert time.monotonic() < deadline, stage.log[-20:]
        time.sleep(0.05)


def test_no_value_is_found_anywhere_but_in_the_files_in_memory(stage: SecretStage, tmp_path: Path) -> None:
    """Canaries through registration, activation, rotation, a refusal, a rollback and a boot."""
    stage.point(ONE, 1)
    front = TamperingServer(stage.api.port)
    bodies: list[bytes] = []

    def listen(path: str, body: bytes) -> bytes:
        bodies.append(body)
        return body

    front.tamper, front.hear = listen, bodies.append
    try:
        stage.start((Group("production", 2),), url=front.url, token=stage.release.token())
        running(stage, ONE, 2)
        stage.point(TWO, 2)
        running(stage, TWO, 2)
        bad = build(tls='note "${secret:shop-key}" { "', secrets={"shop-key": pinned("shop-key", 1, KEYS[1])})
        stage.point(bad, 3)
        stage.until(lambda nodes: all(node.refusal is not None for node in nodes), 30)
        stage.point(ONE, 4)
        running(stage, ONE, 2)
        assert stage.fleet is not None
        opened = [
            path for node in stage.fleet.nodes for path in node.hands.run.path.rglob("*") if path.is_file()
        ]
        in_memory = [canary for canary in CANARIES for path in opened if canary in path.read_bytes()]
        assert len(in_memory) == 4, "the key and the agent's token, of each node"
        proxies = "\n".join(line for node in stage.fleet.nodes for line in node.proxy.log)
    finally:
        stage.stop_fleet()
        front.stop()
    stage.worker.stop()
    stage.api.stop()
    session.disconnect()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    names = {path.name for path in files}
    assert {"identity.json", "state.json", "nodes.log", "control-plane.db"} <= names
    places = [path.read_bytes() for path in files]
    places += [*bodies, "\n".join(stage.log).encode(), proxies.encode()]
    assert any(b'"wrapped"' in body for body in bodies)
    assert any(b'"refusal":{' in body for body in bodies)
    assert [canary for canary in CANARIES for place in places if canary in place] == []
