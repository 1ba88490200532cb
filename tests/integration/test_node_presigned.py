"""Real agents that are sent to a real S3 server for their bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import urllib3

from reconciler.db import session
from reconciler.node.files import NodeFiles
from reconciler.simulator.building import Group
from tests.integration.fleet_stage import Stage, all_run
from tests.integration.test_node_fleet import GOOD, NEXT


@pytest.fixture
def s3(s3_server: Any) -> dict[str, str]:
    return {
        "S3_ENDPOINT": s3_server.endpoint,
        "S3_BUCKET": s3_server.bucket,
        "S3_ACCESS_KEY": s3_server.access_key,
        "S3_SECRET_KEY": s3_server.secret_key,
    }


@pytest.mark.parametrize("public", [True, False], ids=["sent to the store", "served by the node API"])
def test_bundles_come_from_the_store_or_from_the_node_api(
    tmp_path: Path, free_port: int, s3: dict[str, str], public: bool
) -> None:
    stage = Stage(tmp_path, free_port, **s3, S3_PUBLIC_ENDPOINT=s3["S3_ENDPOINT"] if public else "")
    try:
        stage.release.pointer(GOOD, sequence=1)
        stage.start((Group("production", 2),), token=stage.release.token())
        stage.until(lambda nodes: len(nodes) == 2 and all_run(GOOD.digest)(nodes))
        identity = NodeFiles(next(iter(sorted(stage.nodes.iterdir())))).identity()
        assert identity is not None
        asked = f"{stage.api.url}/api/v1/bundles/{GOOD.digest}"
        key = {"Authorization": f"Bearer {identity.key}"}
        answer = urllib3.request("GET", asked, headers=key, redirect=False)
        assert answer.status == (307 if public else 200)
        if public:
            link = answer.headers["Location"]
            assert link.startswith(s3["S3_ENDPOINT"])
            assert urllib3.request("GET", link).data == GOOD.blob
            assert answer.headers["Cache-Control"] == "no-store"
        assert urllib3.request("GET", asked, redirect=False).status == 401
        stage.release.pointer(NEXT, sequence=2)
        stage.until(all_run(NEXT.digest))
    finally:
        stage.stop_fleet()
        stage.api.stop()
        session.disconnect()
