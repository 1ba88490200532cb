"""A worker takes the queues whose keys it can read, and says what it lacks for the others."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from reconciler.errors import Stalled
from reconciler.flows.founding import configuration, write_keys
from reconciler.jobs.queue import QUEUES
from reconciler.jobs.worker import choose_queues
from reconciler.settings import Settings, read_settings

BUNDLE, POINTER, COMMIT = (
    "keys/compile/bundle.key",
    "keys/release/pointer.key",
    "keys/release/commit.key",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_keys(tmp_path)
    (tmp_path / "keys" / "root" / "root.key").unlink()
    (tmp_path / "control-plane.kdl").write_bytes(
        configuration("acme", "shop", "https://github.com/acme/fleet.git", "main", "origin")
    )
    return read_settings({"SENTINEL_HOME": str(tmp_path)})


def without(settings: Settings, *names: str) -> None:
    for name in names:
        (settings.home / name).unlink()


def test_with_every_key_but_the_root_key_it_serves_all(settings: Settings) -> None:
    assert choose_queues(settings, {}, ()) == QUEUES


@pytest.mark.parametrize(
    ("gone", "queues"),
    [
        ([BUNDLE], ("release", "default")),
        ([POINTER, COMMIT], ("compile", "default")),
        ([POINTER], ("compile", "default")),
        ([COMMIT], ("compile", "default")),
    ],
)
def test_a_queue_without_its_keys_is_left_out_with_a_reason(
    settings: Settings, gone: list[str], queues: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    without(settings, *gone)
    with caplog.at_level(logging.WARNING):
        assert choose_queues(settings, {}, ()) == queues
    for name in gone:
        role = Path(name).stem
        assert f"needs the {role} key of organization 'acme': E-KEY-002" in caplog.text


def test_a_queue_that_is_named_is_taken_and_what_it_lacks_is_said(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    without(settings, BUNDLE)
    with caplog.at_level(logging.WARNING):
        assert choose_queues(settings, {}, ("compile",)) == ("compile",)
        assert "key-missing: the queue 'compile' needs the bundle key" in caplog.text
        caplog.clear()
        assert choose_queues(settings, {}, ("release",)) == ("release",)
    assert caplog.text == ""


def test_a_key_that_others_may_read_is_no_key(settings: Settings) -> None:
    (settings.home / BUNDLE).chmod(0o644)
    assert choose_queues(settings, {}, ()) == ("release", "default")


def test_a_second_uri_is_enough(settings: Settings) -> None:
    text = settings.config_file.read_text()
    lines = f'bundle "file:{BUNDLE}"\n        bundle "env:BUNDLE_KEY"'
    settings.config_file.write_text(text.replace(f'bundle "file:{BUNDLE}"', lines))
    without(settings, BUNDLE)
    assert choose_queues(settings, {"BUNDLE_KEY": "ab" * 32}, ()) == QUEUES


def test_a_worker_without_any_key_says_so(settings: Settings) -> None:
    without(settings, BUNDLE, COMMIT)
    with pytest.raises(Stalled, match="bundle key") as caught:
        choose_queues(settings, {}, ())
    assert caught.value.code == "E-JOB-005"


def test_without_a_configuration_it_waits_for_one(settings: Settings) -> None:
    settings.config_file.unlink()
    assert choose_queues(settings, {}, ()) == QUEUES
