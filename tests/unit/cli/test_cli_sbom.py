"""`sentinelctl sbom`: prints what the bundle carries, and nothing of a bundle that is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.bundle import archive
from reconciler.bundle.manifest import SBOM
from reconciler.cli.main import group
from reconciler.errors import Refused
from tests.unit.bundle.offers import bundle_files

BILL = b'{"bomFormat":"CycloneDX"}'


def sbom(path: Path, files: dict[str, bytes]) -> Result:
    path.write_bytes(archive.compress(archive.build_tar(files)))
    return CliRunner().invoke(group, ["sbom", str(path)])


def test_it_is_printed_byte_for_byte(tmp_path: Path) -> None:
    done = sbom(tmp_path / "b", bundle_files(**{SBOM: BILL}))
    assert (done.exit_code, done.stdout_bytes) == (0, BILL + b"\n")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param(bundle_files(), "E-BND-008", id="no bill"),
        pytest.param({**bundle_files(), SBOM: BILL}, "E-BND-006", id="one that the manifest does not list"),
        pytest.param({SBOM: BILL}, "E-BND-006", id="no manifest"),
    ],
)
def test_of_a_bundle_that_is_not_whole_nothing_is_printed(
    tmp_path: Path, files: dict[str, bytes], code: str
) -> None:
    done = sbom(tmp_path / "b", files)
    assert isinstance(done.exception, Refused)
    assert (done.exception.code, done.stdout_bytes) == (code, b"")
