"""Single files beside the object store: in a bucket that a URI names, by the credentials of the object store.

Forbidden here: knowing what is in the files.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from reconciler.errors import ReconcilerError, Refused, Stalled, Transient
from reconciler.settings import Settings
from reconciler.store.port import Missing, Taken, check_key
from reconciler.store.s3 import ABSENT, CONNECT_SECONDS, READ_SECONDS, TRIES

SCHEME = "s3://"
PLACE = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")


def upload(settings: Settings, uri: str, file: Path) -> None:
    """Store a file where there is none, in parts when it is large. Raises `Taken` (E-STO-003) when there is one."""
    bucket, key = _place(uri)
    client = _client(settings)
    try:
        client.stat_object(bucket, key)
    except S3Error as error:
        if error.code not in ABSENT:
            raise _failed(uri, error) from None
    except (MinioException, HTTPError, OSError) as error:
        raise _failed(uri, error) from None
    else:
        raise Taken(uri)
    try:
        client.fput_object(bucket, key, str(file))
    except (MinioException, HTTPError, OSError) as error:
        raise _failed(uri, error) from None


def download(settings: Settings, uri: str, file: Path) -> None:
    """Fetch what `upload` stored into `file`. Raises `Missing` (E-STO-001) when there is nothing."""
    bucket, key = _place(uri)
    try:
        _client(settings).fget_object(bucket, key, str(file))
    except S3Error as error:
        if error.code in ABSENT or error.code == "NoSuchBucket":
            raise Missing(uri) from None
        raise _failed(uri, error) from None
    except (MinioException, HTTPError, OSError) as error:
        raise _failed(uri, error) from None


def _place(uri: str) -> tuple[str, str]:
    match = PLACE.fullmatch(uri)
    if match is None:
        raise Refused("E-STO-002", f"{ascii(uri)[:120]} names no object", cure="Write s3://BUCKET/KEY")
    return match[1], check_key(match[2])


def _client(settings: Settings) -> Minio:
    if settings.s3_endpoint is None:
        raise Stalled(
            "E-STO-005", "no S3 server is configured", cure="Set S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY"
        )
    url = urlsplit(settings.s3_endpoint)
    return Minio(
        url.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=url.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=TRIES, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
        ),
    )


def _failed(uri: str, error: Exception) -> ReconcilerError:
    if isinstance(error, S3Error):
        return Stalled(
            "E-STO-005",
            f"the S3 server does not do it for '{uri}': {error.code}",
            cure="Check that the bucket is there, and S3_ACCESS_KEY, S3_SECRET_KEY and S3_REGION",
        )
    return Transient("E-STO-006", f"the S3 server cannot be reached for '{uri}': {type(error).__name__}")
