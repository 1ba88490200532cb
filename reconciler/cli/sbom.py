"""`sentinelctl sbom`: the bill of materials that a bundle carries. Needs the base install alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reconciler.bundle.archive import unpack
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import SBOM, check_files
from reconciler.errors import Refused


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def command(bundle: Path) -> None:
    """Print the CycloneDX 1.5 bill of materials (JSON) in the file BUNDLE, byte for byte.

    The bundle has to be whole, its manifest right. Who signed it is not asked: `sentinelctl verify` does that.
    """
    try:
        with bundle.open("rb") as file:
            blob = file.read(LIMITS.blob + 1)
    except OSError as error:
        raise click.UsageError(f"{bundle} cannot be read: {error.strerror}.") from None
    files = unpack(blob)
    check_files(files)
    if SBOM not in files:
        raise Refused("E-BND-008", f"the bundle has no {SBOM}")
    sys.stdout.buffer.write(files[SBOM] + b"\n")
