"""The object store in a bucket of S3 or of what speaks like it (MinIO, SeaweedFS), by the `minio` package.

The package has no public conditional write, so `_put_object` is used with `If-None-Match: *`
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html); a contract test holds that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from reconciler.errors import ReconcilerError, Refused, Stalled, Transient
from reconciler.store.port import Missing, Taken, check_key, check_prefix, too_large

CONNECT_SECONDS = 5
READ_SECONDS = 30
TRIES = 3
CONNECTIONS = 16
EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
ABSENT = frozenset({"NoSuchKey", "NoSuchObject"})
DENIED = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where the bucket is. `endpoint` is a URL such as `http://minio:9000`; `public_endpoint` one at which nodes reach
    the same bucket, or None when they do not."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    public_endpoint: str | None = None


class S3Store:
    """Objects in one bucket, which is made at the first need when it is missing."""

    def __init__(self, place: S3Place) -> None:
        url = urlsplit(place.endpoint)
        self._place = place
        self._bucket = place.bucket
        self._client = Minio(
            url.netloc,
            access_key=place.access_key,
            secret_key=place.secret_key,
            secure=url.scheme == "https",
            region=place.region,
            http_client=urllib3.PoolManager(
                maxsize=CONNECTIONS,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                retries=urllib3.Retry(
                    total=TRIES,
                    backoff_factor=0.2,
                    status_forcelist=(500, 502, 503, 504),
                    allowed_methods=None,
                ),
            ),
        )

        self._public = _signing_client(place)

    def put(self, key: str, data: bytes) -> bool:
        """See `BlobStore.put`. A repeat of our own write whose answer was lost reads as False."""
        check_key(key)
        try:
            self._writing(
                key, lambda: self._client._put_object(self._bucket, key, data, {"If-None-Match": "*"})
            )
        except _ThereAlready:
            try:
                there = self.get(key, limit=len(data))
            except Missing:
                raise Transient("E-STO-006", f"the object '{key}' was being written by another") from None
            except Refused:
                raise Taken(key) from None
            if there != data:
                raise Taken(key) from None
            return False
        return True

    def replace(self, key: str, data: bytes) -> None:
        """See `BlobStore.replace`."""
        check_key(key)
        self._writing(key, lambda: self._client._put_object(self._bucket, key, data))

    def get(self, key: str, *, limit: int) -> bytes:
        """See `BlobStore.get`. Never reads more than `limit` and one byte."""
        check_key(key)
        with self._translated(key):
            answer = self._client.get_object(self._bucket, key)
            try:
                data = b""
                while len(data) <= limit and (part := answer.read(limit + 1 - len(data))):
                    data += part
            finally:
                # A connection with unread bytes on it is closed, not given back.
                answer.close()
                answer.release_conn()
        if len(data) > limit:
            raise too_large(key, limit)
        return data

    def exists(self, key: str) -> bool:
        """See `BlobStore.exists`."""
        check_key(key)
        try:
            with self._translated(key):
                self._client.stat_object(self._bucket, key)
        except Missing:
            return False
        return True

    def delete(self, key: str) -> None:
        """See `BlobStore.delete`."""
        check_key(key)
        with contextlib.suppress(Missing), self._translated(key):
            self._client.remove_object(self._bucket, key)

    def link(self, key: str, *, seconds: int) -> str | None:
        """See `BlobStore.link`: a presigned URL (AWS Signature Version 4) of the public endpoint."""
        check_key(key)
        if self._public is None:
            return None
        return self._public.presigned_get_object(self._bucket, key, expires=timedelta(seconds=seconds))

    def list(self, prefix: str) -> Iterator[str]:
        """See `BlobStore.list`."""
        check_prefix(prefix)
        try:
            with self._translated(prefix):
                found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
                keys = sorted(item.object_name for item in found if not item.is_dir)
        except Missing:
            keys = []
        yield from keys

    def _writing(self, key: str, write: Callable[[], object]) -> None:
        """Write, and once more when the bucket was missing and could be made."""
        with self._translated(key):
            try:
                write()
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                self._make_bucket()
                write()

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket, location=self._place.region)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except ReconcilerError:
            raise
        except S3Error as error:
            raise self._error(key, error.code or "no code") from None
        except (MinioException, HTTPError, OSError) as error:
            raise Transient(
                "E-STO-006", f"{self._place.endpoint} cannot be reached for '{key}': {type(error).__name__}"
            ) from None

    def _error(self, key: str, code: str) -> Exception:
        if code in ABSENT or code == "NoSuchBucket":
            return Missing(key)
        if code in EXISTS:
            return _ThereAlready()
        if code in DENIED:
            return Stalled(
                "E-STO-005",
                f"{self._place.endpoint} denies access to bucket '{self._bucket}': {code}",
                cure="Check S3_ACCESS_KEY, S3_SECRET_KEY, S3_REGION, S3_BUCKET and the clock of this machine",
            )
        return Transient("E-STO-006", f"{self._place.endpoint} failed at '{key}': {code}")


def _signing_client(place: S3Place) -> Minio | None:
    """A client that only signs links: with the region known it contacts nobody."""
    if place.public_endpoint is None:
        return None
    url = urlsplit(place.public_endpoint)
    return Minio(
        url.netloc,
        access_key=place.access_key,
        secret_key=place.secret_key,
        secure=url.scheme == "https",
        region=place.region,
    )


class _ThereAlready(Exception):
    """A conditional write found an object."""
