"""`sentinelctl sbom`: the bill of materials that a bundle carries. Needs the base install alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reconciler.bundle.archive import unpack
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import SBOM, check_files
from reconciler.errors import Refused
from reconciler.node.verify_command import FILE, read_file


@click.command()
@click.argument("bundle", type=FILE)
def command(bundle: Path) -> None:
    """Print the CycloneDX 1.5 bill of materials (JSON) in the file BUNDLE, byte for byte.

    The bundle has to be whole, its manifest right. Who signed it is not asked: `sentinelctl verify` does that.
    """
    files = unpack(read_file(bundle, LIMITS.blob))
    check_files(files)
    if SBOM not in files:
        raise Refused("E-BND-008", f"the bundle has no {SBOM}")
    sys.stdout.buffer.write(files[SBOM] + b"\n")
