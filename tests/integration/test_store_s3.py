"""The object store against a real S3 server."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from reconciler.errors import Refused, Stalled, Transient
from reconciler.settings import read_settings
from reconciler.store import s3, single
from reconciler.store.port import BlobStore, Missing, Taken
from reconciler.store.s3 import S3Place, S3Store
from tests.unit.store.contract import KEY, StoreContract
from tests.unit.store.log_contract import LogContract


@pytest.fixture
def place(s3_server: Any) -> S3Place:
    return S3Place(
        s3_server.endpoint, s3_server.bucket, s3_server.access_key, s3_server.secret_key, "us-east-1"
    )


@pytest.fixture
def again(place: S3Place) -> Callable[[], BlobStore]:
    return lambda: S3Store(place)


@pytest.fixture
def store(again: Callable[[], BlobStore]) -> BlobStore:
    return again()


class TestS3Store(StoreContract):
    pass


class TestLogInS3(LogContract):
    pass


def test_a_bucket_that_is_missing_is_made_by_the_first_write_alone(store: BlobStore) -> None:
    assert not store.exists(KEY)
    with pytest.raises(Missing):
        store.get(KEY, limit=1)
    assert list(store.list("")) == []
    store.replace(KEY, b"1")
    assert store.get(KEY, limit=1) == b"1"


def test_a_link_is_good_for_its_object_and_its_time(place: S3Place) -> None:
    store = S3Store(dataclasses.replace(place, public_endpoint=place.endpoint))
    store.put(KEY, b"bytes")
    store.put("other", b"other")
    link = store.link(KEY, seconds=1)
    assert link is not None
    assert place.secret_key not in link
    assert urllib3.request("GET", link).data == b"bytes"
    assert urllib3.request("GET", link.replace(KEY, "other")).status == 403
    time.sleep(2.5)
    assert urllib3.request("GET", link).status == 403


def test_links_name_the_public_endpoint_and_contact_nobody(place: S3Place) -> None:
    assert S3Store(place).link(KEY, seconds=60) is None
    store = S3Store(dataclasses.replace(place, public_endpoint="https://bundles.example.com"))
    link = store.link(KEY, seconds=60)
    assert link is not None
    assert link.startswith(f"https://bundles.example.com/{place.bucket}/{KEY}?X-Amz-")


@pytest.mark.parametrize(
    "change", [{"secret_key": "wrong-secret"}, {"access_key": "nobody"}], ids=["secret", "access"]
)
def test_wrong_credentials_are_for_a_person_to_correct(place: S3Place, change: dict[str, str]) -> None:
    wrong = S3Store(dataclasses.replace(place, **change))
    for call in (lambda: wrong.put(KEY, b"1"), lambda: wrong.get(KEY, limit=1), lambda: list(wrong.list(""))):
        with pytest.raises(Stalled) as caught:
            call()
        assert caught.value.code == "E-STO-005"
        assert "wrong-secret" not in str(caught.value)


def test_a_server_that_is_away_is_transient(
    place: S3Place, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "TRIES", 1)
    away = S3Store(dataclasses.replace(place, endpoint=f"http://127.0.0.1:{free_port}"))
    for call in (lambda: away.put(KEY, b"1"), lambda: away.get(KEY, limit=1), lambda: away.exists(KEY)):
        with pytest.raises(Transient) as caught:
            call()
        assert caught.value.code == "E-STO-006"


def test_a_server_that_never_answers_is_transient(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "TRIES", 0)
    monkeypatch.setattr(s3, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        store = S3Store(dataclasses.replace(place, endpoint=f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        started = time.monotonic()
        with pytest.raises(Transient):
            store.get(KEY, limit=1)
        assert time.monotonic() - started < 10


def test_a_large_object_is_not_read_to_its_end(store: BlobStore) -> None:
    store.put(KEY, bytes(8 * 1024 * 1024))
    with pytest.raises(Refused):
        store.get(KEY, limit=1000)
    # The connection of the unread answer is not used again.
    assert store.put("small", b"1") is True


def test_a_single_file_is_stored_once_and_fetched(store: BlobStore, place: S3Place, tmp_path: Path) -> None:
    store.put(KEY, b"the bucket is there")
    settings = read_settings(
        {
            "SENTINEL_HOME": str(tmp_path), "S3_ENDPOINT": place.endpoint, "S3_ACCESS_KEY": place.access_key,
            "S3_SECRET_KEY": place.secret_key,
        }
    )  # fmt: skip
    uri, file, found = f"s3://{place.bucket}/2026/one", tmp_path / "one", tmp_path / "found"
    file.write_bytes(b"a backup")
    single.upload(settings, uri, file)
    single.download(settings, uri, found)
    assert found.read_bytes() == b"a backup"
    with pytest.raises(Taken):
        single.upload(settings, uri, file)
    with pytest.raises(Missing):
        single.download(settings, uri + "-2", found)
    for wrong in ("s3://", f"s3://{place.bucket}/", f"s3://{place.bucket}/../x", "s3://UPPER/x"):
        with pytest.raises(Refused, match="E-STO-002"):
            single.upload(settings, wrong, file)
    with pytest.raises(Stalled, match="E-STO-005"):
        single.upload(read_settings({"SENTINEL_HOME": str(tmp_path)}), uri, file)
