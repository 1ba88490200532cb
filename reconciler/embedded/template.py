"""Finds `repo-template/`, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import Stalled


def template_folder() -> Path:
    """The folder of the template repository. Raises `Stalled` when this installation lacks it."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "repo-template", here.parents[1] / "repo-template"):
        if candidate.is_dir():
            return candidate
    raise Stalled(
        "E-UP-004",
        "this installation has no repo-template",
        cure="Install the distribution again, from a whole wheel",
    )


def template_files() -> dict[str, bytes]:
    """Every file of the template by its path inside the repository."""
    root = template_folder()
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
