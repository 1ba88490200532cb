"""Secrets on a node: sealed on its disk, opened in memory, replaced with their bundle, and found nowhere else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey

from reconciler.bundle import canonical
from reconciler.bundle.manifest import MANIFEST
from reconciler.bundle.sealed import Label, key_id, unwritten, written
from reconciler.errors import Refused
from reconciler.keys.sealing import rewrap, seal
from reconciler.node.effects import (
    Failed,
    KeepSealed,
    Reload,
    Render,
    Restart,
    SaveState,
    Sleep,
    Stage,
    Switch,
    Test,
)
from reconciler.node.keys import make_keys
from reconciler.node.proxy import RunningReport, TestResult
from reconciler.node.runfolder import RunFolder, default_folder, is_in_memory
from reconciler.node.sealedset import decode_sealed_set, encode_sealed_set, open_sealed_set
from reconciler.pinned import Pinned
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import Built, build, pinned

KEY_1, KEY_2 = b"canary-key-one-5f1e", b"canary-key-two-9b3c"
TOKEN = b'canary "token" \\ its-tail'
CANARIES = (KEY_1, KEY_2, TOKEN, b"its-tail")
TLS = 'cert-file "${bundle:certificates/shop.pem}"\n            key-file "${secret-file:shop-key}"'
AGENT = "agents/production/auth/customers.json"
STEPS = (Stage, KeepSealed, Render, Test, Switch, Reload, Restart, SaveState)


VALUES = {
    ("shop-key", 1): KEY_1, ("shop-key", 2): KEY_2, ("token", 1): TOKEN, ("token", 2): TOKEN + b"2",
    ("binary", 1): b"\xff\xfe",
}  # fmt: skip


def needs(*secrets: tuple[str, int]) -> dict[str, Pinned]:
    """What a manifest lists for these names and versions."""
    return {name: pinned(name, version, VALUES[name, version]) for name, version in secrets}


FURTHER = {
    "certificates/shop.pem": b"certificate one",
    AGENT: b'{"jwt-secret": "${secret:token}"}',
}


def shop(certificate: str = "one", *, key: int = 1, token: int = 1, **changes: Any) -> Built:
    """A bundle whose listener has a certificate and its key, and whose agent has a token."""
    further = {**FURTHER, "certificates/shop.pem": f"certificate {certificate}".encode()}
    changes.setdefault("tls", TLS)
    return build(secrets=needs(("shop-key", key), ("token", token)), further=further, **changes)


GOOD = shop()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs GOOD at sequence 5, and all secrets that the tests want."""
    return running_good(tmp_path)


def running_good(folder: Path) -> Bench:
    bench = Bench(folder / "node")
    for (name, version), value in VALUES.items():
        bench.plane.secrets.put(name, version, value)
    bench.plane.offer(GOOD, sequence=5)
    assert bench.settle()["running"] == GOOD.digest
    bench.performed.clear()
    return bench


def steps(bench: Bench) -> list[str]:
    return [type(effect).__name__ for effect in bench.performed if isinstance(effect, STEPS)]


def key_of(bench: Bench) -> str:
    """What the proxy read as its key at its last start."""
    read = bench.proxy.files["key-file"]
    assert read.mode == 0o600
    return read.sha256


def sha(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def agent_file(bench: Bench) -> Any:
    """What the agent's unit finds beside what is running."""
    return json.loads((bench.files.link.resolve().parents[2] / AGENT).read_bytes())


def swept(bench: Bench) -> None:
    """No canary anywhere but in the folder of opened secrets."""
    seen = [path.read_bytes() for path in bench.home.rglob("*") if path.is_file()]
    seen += [repr(bench.said).encode(), repr(bench.performed).encode(), repr(bench.agent).encode()]
    seen += [json.dumps(bench.plane.heartbeats).encode(), repr(bench.plane.asked).encode()]
    seen += [repr(bench.hands).encode(), "\n".join(bench.proxy.log).encode()]
    assert [canary for canary in CANARIES for content in seen if canary in content] == []


def test_secrets_are_opened_in_memory_and_nowhere_else(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    bench.plane.secrets.put("shop-key", 1, KEY_1)
    bench.plane.secrets.put("token", 1, TOKEN)
    bench.plane.offer(GOOD, sequence=5)
    bench.cycle()
    assert steps(bench)[-8:] == [
        "SaveState", "Stage", "KeepSealed", "Render", "Test", "Switch", "Restart", "SaveState",
    ]  # fmt: skip
    assert bench.settle()["running"] == GOOD.digest
    assert key_of(bench) == sha(KEY_1)
    assert bench.proxy.files["cert-file"].sha256 == sha(b"certificate one")
    assert agent_file(bench) == {"jwt-secret": TOKEN.decode()}
    opened = [path for path in bench.run_folder.path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(opened) == 3
    assert {stat.S_IMODE(path.lstat().st_mode) for path in opened} == {0o600}
    assert stat.S_IMODE(bench.run_folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(next(bench.files.sealed.iterdir()).stat().st_mode) == 0o600
    swept(bench)


def test_the_private_keys_show_nowhere(bench: Bench) -> None:
    assert bench.agent.identity is not None
    keys = bench.agent.identity.keys
    shown = repr(bench.agent) + repr(bench.hands) + repr(bench.said) + repr(bench.performed)
    shown += json.dumps(bench.plane.registered) + json.dumps(bench.plane.heartbeats)
    assert keys.public.sealing in json.dumps(bench.plane.registered)
    assert keys.signing_seed not in shown
    assert keys.sealing_seed not in shown


def test_another_digest_of_the_same_configuration_and_secrets_is_recorded(bench: Bench) -> None:
    same = shop(extra="another digest")
    bench.plane.offer(same, sequence=6)
    bench.settle(2)
    assert [step for step in steps(bench) if step in ("Reload", "Restart")] == []
    assert bench.proxy.starts == 1
    assert bench.plane.heartbeats[-1]["running"] == same.digest
    assert bench.files.linked() == same.digest
    # What the proxy goes on using by its old path is still there, also when the first bundle has been pruned.
    bench.plane.offer(shop(extra="yet another"), sequence=7)
    bench.settle(2)
    assert not bench.files.folder(GOOD.digest).exists()
    bench.proxy.restart()
    assert bench.proxy.files["cert-file"].sha256 == sha(b"certificate one")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param(shop("two", key=2), "Restart", id="certificate and key"),
        pytest.param(shop("one", key=2), "Restart", id="key alone"),
        pytest.param(shop("two", key=1), "Restart", id="certificate alone"),
        pytest.param(shop(target="127.0.0.1:4000"), "Reload", id="another upstream"),
        pytest.param(shop(target="127.0.0.1:4000", key=2), "Restart", id="another upstream and key"),
        pytest.param(shop(token=2), "Reload", id="a secret of an agent, beside a proxy that has secrets too"),
    ],
)
def test_what_changed_is_taken_up_in_the_right_way(bench: Bench, new: Built, expected: str) -> None:
    bench.plane.offer(new, sequence=6)
    bench.settle(2)
    assert [step for step in steps(bench) if step in ("Reload", "Restart")] == [expected]
    assert bench.plane.heartbeats[-1]["running"] == new.digest
    assert key_of(bench) == sha(KEY_2 if new.secrets["shop-key"].version == 2 else KEY_1)
    assert agent_file(bench) == {
        "jwt-secret": (TOKEN + (b"2" if new.secrets["token"].version == 2 else b"")).decode()
    }
    assert len(list(bench.run_folder.path.iterdir())) == 1, (
        "what is not needed any more is removed from memory"
    )
    swept(bench)


def test_a_proxy_without_secrets_is_left_alone_when_an_agents_secret_changes(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    bench.plane.secrets.put("token", 1, b"one")
    bench.plane.secrets.put("token", 2, b"two")
    files = {AGENT: b'{"jwt-secret": "${secret:token}"}'}
    for version in (1, 2):
        secrets = {"token": pinned("token", version, b"one" if version == 1 else b"two")}
        bench.plane.offer(build(secrets=secrets, further=files), sequence=version)
        bench.settle(2)
    assert steps(bench).count("Restart") == 1
    assert steps(bench).count("Reload") == 0
    assert agent_file(bench) == {"jwt-secret": "two"}


def test_going_back_brings_the_matching_key_back(bench: Bench) -> None:
    bench.plane.offer(shop("two", key=2), sequence=6)
    bench.settle(2)
    assert key_of(bench) == sha(KEY_2)
    bench.plane.offer(GOOD, sequence=7)
    assert bench.settle(2)["running"] == GOOD.digest
    assert key_of(bench) == sha(KEY_1)
    assert bench.proxy.files["cert-file"].sha256 == sha(b"certificate one")


def test_a_node_boots_with_its_secrets_while_the_control_plane_is_away(bench: Bench) -> None:
    bench.plane.away = True
    bench.start(proxy_too=True)
    assert not bench.files.link.exists(), "memory is empty after a boot"
    asked = len(bench.plane.asked)
    bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id == GOOD.config_id
    assert key_of(bench) == sha(KEY_1)
    assert agent_file(bench) == {"jwt-secret": TOKEN.decode()}
    assert len(bench.plane.asked) == asked
    bench.plane.away = False
    assert bench.settle(2)["health"] == {"state": "healthy"}


def refused(bench: Bench, new: Built) -> dict[str, Any]:
    """Let the node look at an offer that it must refuse, and check what must hold then; returns the refusal."""
    linked, starts = bench.files.linked(), bench.proxy.starts
    bench.plane.offer(new, sequence=6)
    bench.cycle()
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert last["running"] == GOOD.digest
    assert last["health"] == {"state": "healthy"}
    assert last["sequence"] == 5
    assert bench.files.linked() == linked
    assert bench.proxy.starts == starts
    assert key_of(bench) == sha(KEY_1)
    assert len(list(bench.run_folder.path.iterdir())) == 1, (
        "nothing that was opened in vain is left in memory"
    )
    swept(bench)
    report: dict[str, Any] = last["refusal"]
    assert len(report["message"]) > 20
    return report


def sealed_as(value: bytes, project: str, environment: str, name: str, version: int, bench: Bench) -> Any:
    public = bytes(bench.plane.secrets.key.public_key)
    return seal(value, public, Label(project, environment, name, version))


MOVED = pytest.mark.parametrize(
    "label",
    [
        ("shop", "production", "token", 2),
        ("shop", "production", "shop-key", 1),
        ("shop", "dev", "shop-key", 2),
        ("other", "production", "shop-key", 2),
    ],
    ids=["another name", "another version", "another environment", "another project"],
)


@MOVED
def test_a_value_that_was_moved_is_refused(bench: Bench, label: tuple[str, str, str, int]) -> None:
    bench.plane.secrets.sealed["shop-key", 2] = sealed_as(KEY_2, *label, bench)
    assert refused(bench, shop(key=2))["code"] == "E-NOD-059"


@MOVED
def test_a_value_that_was_moved_does_not_open_even_where_a_manifest_lists_it(
    bench: Bench, label: tuple[str, str, str, int]
) -> None:
    moved = bench.plane.secrets.sealed["shop-key", 2] = sealed_as(KEY_2, *label, bench)
    new = build(
        secrets={**needs(("token", 1)), "shop-key": Pinned.of(2, moved.value)}, tls=TLS, further=FURTHER
    )
    assert refused(bench, new)["code"] == "E-SEC-003"


@pytest.mark.parametrize("place", [0, 11, 12, -17, -1])
def test_a_value_that_was_tampered_with_is_refused(bench: Bench, place: int) -> None:
    good = bench.plane.secrets.sealed["shop-key", 2]
    bent = bytearray(good.value)
    bent[place] ^= 1
    bench.plane.secrets.sealed["shop-key", 2] = type(good)(good.key_id, good.wrapped, bytes(bent))
    assert refused(bench, shop(key=2))["code"] == "E-NOD-059"


CHOSEN = b"a-secret-that-an-attacker-chose"


def test_a_chosen_value_that_opens_is_refused(bench: Bench) -> None:
    """Everybody has the environment's public key, so such a value is sealed as well as the true one."""
    forged = sealed_as(CHOSEN, "shop", "production", "token", 2, bench)
    bench.plane.secrets.sealed["token", 2] = forged
    report = refused(bench, shop(token=2))
    assert report["code"] == "E-NOD-059"
    assert "token v2" in report["message"]
    assert not [effect for effect in bench.performed if isinstance(effect, KeepSealed)], "it is not even kept"
    assert agent_file(bench) == {"jwt-secret": TOKEN.decode()}


def test_the_true_value_under_another_data_key_is_refused(bench: Bench) -> None:
    good = bench.plane.secrets.sealed["token", 2]
    other = sealed_as(CHOSEN, "shop", "production", "token", 2, bench)
    bench.plane.secrets.sealed["token", 2] = type(good)(good.key_id, other.wrapped, good.value)
    assert refused(bench, shop(token=2))["code"] == "E-SEC-003"


def test_data_keys_that_were_wrapped_again_change_nothing(bench: Bench) -> None:
    """An environment's key was replaced between two bundles: the values are the very same."""
    secrets, new_key = bench.plane.secrets, PrivateKey.generate()
    public = bytes(new_key.public_key)
    secrets.sealed = {
        label: replace(one, key_id=key_id(public), wrapped=rewrap(one.wrapped, secrets.key, public))
        for label, one in secrets.sealed.items()
    }
    secrets.key = new_key
    bench.plane.offer(shop(token=2), sequence=6)
    assert bench.settle(2)["refusal"] is None
    assert agent_file(bench) == {"jwt-secret": (TOKEN + b"2").decode()}


def forged_set(bench: Bench) -> bytes:
    """The kept set with a token of an attacker's choice, sealed for this node."""
    assert bench.agent.identity is not None
    document = json.loads(bench.files.sealed_of(GOOD.digest))
    token = next(secret for secret in document["secrets"] if secret["name"] == "token")
    own = bytes(bench.agent.identity.keys.sealing.public_key)
    forged = seal(CHOSEN, own, Label("shop", "production", "token", 1))
    token["value"], token["wrapped"] = written(forged.value), written(forged.wrapped)
    return json.dumps(document).encode()


def test_a_kept_set_is_checked_again_at_a_boot(bench: Bench) -> None:
    bench.files.keep_sealed(GOOD.digest, forged_set(bench))
    bench.plane.away = True
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id is None, "memory is empty, and what is on the disk is not opened"
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert bench.agent.state.refusal.code == "E-NOD-059"
    bench.plane.away = False
    last = bench.settle(3)
    assert (last["running"], last["refusal"]) == (GOOD.digest, None)
    assert agent_file(bench) == {"jwt-secret": TOKEN.decode()}


def test_a_staged_manifest_that_lists_a_forged_value_is_not_believed_at_a_boot(bench: Bench) -> None:
    """Whoever can write to the disk makes set and manifest match; what the node remembers is the verified one."""
    forged = forged_set(bench)
    bench.files.keep_sealed(GOOD.digest, forged)
    path = bench.files.folder(GOOD.digest) / MANIFEST
    manifest = json.loads(path.read_bytes())
    values = {secret["name"]: unwritten(secret["value"]) for secret in json.loads(forged)["secrets"]}
    for environment in manifest["environments"].values():
        environment["secrets"]["token"] = Pinned.of(1, values["token"]).to_json()
    path.write_bytes(canonical.encode(manifest))
    bench.plane.away = True
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id is None
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert bench.agent.state.refusal.code == "E-NOD-051"


def test_another_value_under_the_same_version_is_another_secret(bench: Bench) -> None:
    """Nothing makes such a bundle; if one is signed, the proxy is started for the value as for a new version."""
    bench.plane.secrets.put("shop-key", 1, KEY_2)
    secrets = {**needs(("token", 1)), "shop-key": pinned("shop-key", 1, KEY_2)}
    new = build(secrets=secrets, tls=TLS, further=FURTHER)
    assert new.config_id == GOOD.config_id
    bench.plane.offer(new, sequence=6)
    assert bench.settle(2)["running"] == new.digest
    assert steps(bench).count("Restart") == 1
    assert key_of(bench) == sha(KEY_2)


def test_data_keys_that_were_wrapped_for_another_node_are_refused(bench: Bench) -> None:
    bench.plane.registered["keys"]["sealing"] = make_keys().public.sealing
    assert refused(bench, shop(key=2))["code"] == "E-SEC-002"


@pytest.mark.parametrize(
    "needed", [{"shop-key": 1, "token": 1}, {"shop-key": 2}, {"shop-key": 2, "token": 1, "more": 1}]
)
def test_other_secrets_than_the_manifest_lists_are_refused(bench: Bench, needed: dict[str, int]) -> None:
    bench.plane.secrets.put("more", 1, b"x")
    new = shop(key=2)
    bench.plane.offer(new, sequence=6)
    served = {name: Pinned(version, "0" * 64) for name, version in needed.items()}
    object.__setattr__(new, "secrets", served)
    assert refused(bench, new)["code"] == "E-NOD-050"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tls": 'key-file "x-${secret-file:shop-key}"'}, "E-NOD-052"),
        ({"tls": 'key-file "${secret-file:absent}"'}, "E-NOD-053"),
        ({"tls": 'cert-file "${bundle:certificates/absent.pem}"'}, "E-NOD-053"),
        ({"tls": 'note "${secret:binary}"'}, "E-NOD-054"),
    ],
)
def test_placeholders_that_cannot_be_replaced_are_refused(
    bench: Bench, changes: dict[str, Any], code: str
) -> None:
    secrets = needs(("shop-key", 1), ("token", 1), ("binary", 1))
    assert refused(bench, build(secrets=secrets, **changes))["code"] == code


def test_secrets_that_are_on_their_way_are_waited_for(bench: Bench) -> None:
    bench.plane.secrets.late = 3
    bench.plane.offer(shop("two", key=2), sequence=6)
    downloads = sum("/bundles/sha256" in asked for asked in bench.plane.asked)
    bench.settle(2)
    assert key_of(bench) == sha(KEY_2)
    assert bench.slept[-3:] == [1.0, 1.0, 1.0]
    assert sum("/bundles/sha256" in asked for asked in bench.plane.asked) == downloads + 1


def test_secrets_that_do_not_come_are_said_and_asked_for_again(bench: Bench) -> None:
    bench.plane.secrets.late = 8
    assert refused(bench, shop("two", key=2))["code"] == "E-NOD-057"
    bench.seconds += 1000
    bench.settle(2)
    assert key_of(bench) == sha(KEY_2)


def test_the_words_of_a_proxy_that_saw_secrets_are_not_passed_on(bench: Bench) -> None:
    """Parsers quote the line that they do not understand."""

    class Quoting:
        def test(self, path: Path) -> TestResult:
            if KEY_2 in path.read_bytes():
                return TestResult(False, f"Error: unexpected text in {path.read_text()}")
            return bench.proxy.test(path)

        def running(self) -> RunningReport:
            return bench.proxy.running()

        def signals(self) -> None:
            return None

    bench.hands.proxy = Quoting()  # type: ignore[assignment]
    report = refused(bench, shop(key=2, tls='note "${secret:shop-key}"'))
    assert report["code"] == "E-NOD-021"
    assert "not passed on" in report["message"]


def test_what_the_proxy_says_of_the_file_without_secrets_is_passed_on(bench: Bench) -> None:
    bad = b'listeners {\n    listener "x" { key "${secret:shop-key}"\n'
    report = refused(bench, build(config=bad, secrets=needs(("shop-key", 2))))
    assert report["code"] == "E-NOD-021"
    assert "Failed to parse KDL document" in report["message"]


def test_secrets_are_opened_in_memory_alone_unless_it_is_allowed(bench: Bench, tmp_path: Path) -> None:
    assert not is_in_memory(tmp_path)
    bench.hands.run = RunFolder(tmp_path / "disk" / "node")
    bench.plane.offer(shop(key=2), sequence=6)
    bench.settle(2)
    last = bench.plane.heartbeats[-1]
    assert last["refusal"]["code"] == "E-NOD-055"
    assert last["running"] == GOOD.digest
    assert not [path for path in (tmp_path / "disk").rglob("*") if path.is_file()]


def test_the_default_folder_is_in_memory(tmp_path: Path) -> None:
    one, other = (default_folder(tmp_path / name, {}) for name in ("one", "other"))
    assert is_in_memory(one)
    assert one.parent == other.parent
    assert one != other
    assert one == default_folder(tmp_path / "one", {"XDG_RUNTIME_DIR": str(tmp_path)}), "that is on a disk"


def test_a_folder_that_others_can_read_or_own_is_not_used(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run" / "node", on_disk=True)
    run.prepare()
    run.path.chmod(0o755)
    with pytest.raises(PermissionError, match="read by others"):
        run.place("a" * 32, {"config/x/sentinel.kdl": b"x"})
    run.path.rmdir()
    (tmp_path / "elsewhere").mkdir()
    run.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="not a folder of this user"):
        run.prepare()


def test_a_stolen_sealed_set_opens_nothing_without_the_nodes_key(bench: Bench) -> None:
    stolen = decode_sealed_set(bench.files.sealed_of(GOOD.digest), GOOD.secrets)
    assert bench.agent.identity is not None
    own = bench.agent.identity.keys.sealing
    assert open_sealed_set(stolen, own, project="shop", environment="production")["token"] == TOKEN
    for key in (make_keys().sealing, bench.plane.secrets.key):
        with pytest.raises(Refused, match="E-SEC-002"):
            open_sealed_set(stolen, key, project="shop", environment="production")


def test_a_sealed_set_that_is_lost_is_fetched_again(bench: Bench) -> None:
    for kept in bench.files.sealed.iterdir():
        kept.write_bytes(b'{"secrets": [')
    bench.plane.away = True
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id is None
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert bench.agent.state.refusal.code == "E-NOD-050"
    bench.plane.away = False
    last = bench.settle(3)
    assert (last["running"], last["refusal"]) == (GOOD.digest, None)
    assert key_of(bench) == sha(KEY_1)


def test_secrets_that_vanish_from_memory_come_back_with_the_proxy(bench: Bench) -> None:
    bench.run_folder.wipe()
    bench.proxy.die()
    last = bench.settle(2)
    assert last["running"] == GOOD.digest
    assert key_of(bench) == sha(KEY_1)


@pytest.mark.parametrize("kind", [KeepSealed, Render, Switch, Restart, SaveState])
def test_a_step_that_fails_leaves_what_served(bench: Bench, kind: type) -> None:
    perform = bench.hands.perform
    seen = 0

    class Hands:
        def perform(self, effect: Any) -> Any:
            nonlocal seen
            # The first state that is saved says what was delivered; the second one confirms.
            if isinstance(effect, kind):
                seen += 1
                if seen == (2 if kind is SaveState else 1):
                    return TestResult(False, "no") if kind is Restart else Failed("OSError: No space left")
            return perform(effect)

    bench.plane.offer(shop("two", key=2), sequence=6)
    bench.hands = Hands()  # type: ignore[assignment]
    bench.settle(2)
    last = bench.plane.heartbeats[-1]
    expected = {
        KeepSealed: "E-NOD-020",
        Render: "E-NOD-056",
        Switch: "E-NOD-022",
        Restart: "E-NOD-023",
        SaveState: "E-NOD-025",
    }
    assert last["refusal"]["code"] == expected[kind]
    assert last["running"] == GOOD.digest
    assert key_of(bench) == sha(KEY_1)
    assert len(list(bench.run_folder.path.iterdir())) == 1


class PowerCut(Exception):
    pass


@pytest.mark.parametrize(
    ("new", "proxy_too"),
    [
        pytest.param(shop("two", key=2), False, id="the agent"),
        pytest.param(shop("two", key=2), True, id="the machine"),
        pytest.param(shop(extra="another digest"), False, id="the agent, with one rendering for both"),
    ],
)
def test_a_power_cut_before_any_effect_leaves_old_or_new_with_its_own_key(
    tmp_path: Path, new: Built, proxy_too: bool
) -> None:
    cuts = 1
    while cut_short(running_good(tmp_path / str(cuts)), new, cuts, proxy_too=proxy_too):
        cuts += 1
    assert cuts > 14, "every effect of the round was cut once"


def cut_short(bench: Bench, new: Built, cut: int, *, proxy_too: bool) -> bool:
    """Cut the power before the effect of this number, and look what is there after it; False when there is none."""
    bench.plane.offer(new, sequence=6)
    perform, count = bench.hands.perform, 0

    class Hands:
        def perform(self, effect: Any) -> Any:
            nonlocal count
            count += 1
            if count == cut:
                raise PowerCut
            return perform(effect)

    bench.hands = Hands()  # type: ignore[assignment]
    with contextlib.suppress(PowerCut):
        bench.cycle()
    bench.start(proxy_too=proxy_too)
    bench.run(bench.agent.recover())
    state = bench.agent.state
    assert state is not None
    assert state.active is not None
    assert state.active.digest in (GOOD.digest, new.digest)
    assert bench.proxy.running().config_id == state.active.config_id
    assert key_of(bench) == sha(KEY_2 if state.active.secrets["shop-key"].version == 2 else KEY_1)
    assert bench.files.linked() == state.active.digest
    assert len(list(bench.run_folder.path.iterdir())) == 1
    assert agent_file(bench) == {"jwt-secret": TOKEN.decode()}
    assert bench.settle(2)["running"] == new.digest
    assert key_of(bench) == sha(KEY_2 if new.secrets["shop-key"].version == 2 else KEY_1)
    swept(bench)
    return count >= cut


def test_a_sealed_set_reads_back_as_written(bench: Bench) -> None:
    kept = bench.files.sealed_of(GOOD.digest)
    assert encode_sealed_set(decode_sealed_set(kept, GOOD.secrets)) == kept


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b"{}", b'{"secrets": 1}', b'{"secrets": [1]}', b'{"secrets": [{}]}', b'{"secrets": [[]]}',
        b'{"secrets": [{"name": "a", "version": true, "value": "", "wrapped": ""}]}',
        b'{"secrets": [{"name": [], "version": 1, "value": "AAAA", "wrapped": "AAAA"}]}',
        b'{"secrets": [{"name": "a", "version": 1, "value": 5, "wrapped": null}]}', b"\xff", b"[" * 100_000,
    ],
)  # fmt: skip
def test_an_answer_that_is_no_sealed_set_is_refused(answer: bytes) -> None:
    with pytest.raises(Refused, match="E-NOD-050"):
        decode_sealed_set(answer, {"a": Pinned(1, "0" * 64)})


def test_a_wait_for_secrets_can_be_interrupted(bench: Bench) -> None:
    """Between two effects nothing is half done, also when the agent is told to stop while it waits."""
    bench.plane.secrets.late = 100
    bench.plane.offer(shop(key=2), sequence=6)
    steps_of_a_round = bench.agent.cycle()
    answer: Any = None
    while not isinstance(
        effect := next(steps_of_a_round) if answer is None else steps_of_a_round.send(answer), Sleep
    ):
        answer = bench.hands.perform(effect)
    steps_of_a_round.close()
    bench.start()
    bench.plane.secrets.late = 0
    assert bench.settle(2)["refusal"] is None
    assert key_of(bench) == sha(KEY_2)
