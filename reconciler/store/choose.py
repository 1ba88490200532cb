"""Picks the object store that the settings name. Nothing is contacted before the first use."""

from __future__ import annotations

from reconciler.settings import Settings
from reconciler.store.filesystem import FileStore
from reconciler.store.port import BlobStore


def open_store(settings: Settings) -> BlobStore:
    """S3 when there is an endpoint, the folder `objects` of the home otherwise."""
    if settings.s3_endpoint is None:
        return FileStore(settings.files)
    # Loaded where it is used: every process opens a store, and most have no use for an S3 client.
    from reconciler.store.s3 import S3Place, S3Store

    return S3Store(
        S3Place(
            endpoint=settings.s3_endpoint,
            bucket=settings.s3_bucket,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            region=settings.s3_region,
            public_endpoint=settings.s3_public_endpoint,
        )
    )
