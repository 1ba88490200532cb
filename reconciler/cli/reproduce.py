"""`sentinelctl reproduce`: rebuild a bundle from the commit that its statement names, and compare."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.bundle.manifest import MANIFEST, config_path, decode_manifest
from reconciler.cli.originals import Original, find_original, open_repository
from reconciler.compile.compiler import COMPILER, CompiledEnvironment
from reconciler.compile.diff.changes import Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.text import difference_text
from reconciler.errors import Refused
from reconciler.flows.reproduction import FileDifference, Reproduction, Verdict, reproduce
from reconciler.node.verify_command import FILE

MOST_LINES = 400
"""Lines of one file's unified diff that are printed."""

WORDS = {
    Verdict.identical: "identical",
    Verdict.different: "DIFFERENT",
    Verdict.other_compiler: "not reproducible with this compiler",
    Verdict.no_commit: "cannot be rebuilt",
    Verdict.other_tree: "the statement does not hold",
    Verdict.not_compiled: "cannot be rebuilt",
}


@click.command()
@click.argument("bundle", metavar="DIGEST|FILE")
@click.option(
    "--repository",
    metavar="PATH|URL",
    help="Any clone that has the commit. Default: this installation's mirror, else what the statement names.",
)
@click.option(
    "--statement", type=FILE, help="The bundle's statement. Default: beside FILE, else this installation."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: str, repository: str | None, statement: Path | None, as_json: bool) -> None:
    """Compile the commit that a bundle's statement names once more, and say whether the very same bytes come out.

    With the file of the bundle, what differs is told file by file: by meaning first, then as a unified diff. With a
    digest and a statement alone, only that it differs. Neither database nor keys are needed, and nothing is changed.
    The statement's signature is not checked here: `sentinelctl verify` does that.

    Exit code 0 when identical, 1 when not or when it cannot be rebuilt, 2 for wrong usage.
    """
    original = find_original(bundle, statement)
    with open_repository(repository, original) as mirror:
        found = reproduce(mirror, original.stated, original.files, now=clock.now())
    if as_json:
        click.echo(json.dumps(_document(original, found), indent=2, ensure_ascii=False))
    else:
        _print(original, found)
    if found.verdict is not Verdict.identical:
        raise SystemExit(1)


def _print(original: Original, found: Reproduction) -> None:
    stated = original.stated
    click.echo(f"bundle    {stated.digest}")
    click.echo(f"commit    {stated.commit}{f' folder {stated.path}' if stated.path else ''}")
    click.echo(f"tree      {stated.tree}")
    click.echo(f"compiler  {stated.compiler} (this is {COMPILER})")
    click.echo(f"\n{WORDS[found.verdict]}: {found.because}")
    if found.verdict is Verdict.different and original.files is None:
        click.echo("Name the file of the bundle instead of its digest to see which file differs.")
    for difference in _by_meaning(found):
        click.echo(f"\n{difference_text(difference, raw=False)}", nl=False)
    for one in found.differences:
        click.echo(f"\n{one.how} {one.path}")
        for line in _unified(one):
            click.echo(line)


def _by_meaning(found: Reproduction) -> list[Difference]:
    """What the proxies of each environment would do differently; none where a configuration cannot be read."""
    if found.original is None or found.files is None:
        return []
    try:
        old, new = _environments(found.original), _environments(found.files)
        compared = [compare_environments(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    except Refused:
        # The unified diff below shows the bytes, whatever they are.
        return []
    return [difference for difference in compared if not difference.same]


def _environments(files: Mapping[str, bytes]) -> dict[str, CompiledEnvironment]:
    """What the bundle has for each environment, without what stands in no file of it."""
    return {
        name: CompiledEnvironment(
            name=name,
            config=files.get(config_path(name), b""),
            config_id=one.config_id,
            restart_key=one.restart_key,
            files={path: files[path] for path in files if path.startswith(f"agents/{name}/")},
        )
        for name, one in decode_manifest(files.get(MANIFEST, b"")).environments.items()
    }


def _unified(one: FileDifference) -> Iterator[str]:
    try:
        old, new = (_lines(one.path, side or b"") for side in (one.original, one.rebuilt))
    except UnicodeDecodeError:
        sizes = [len(side) if side is not None else 0 for side in (one.original, one.rebuilt)]
        yield f"  {sizes[0]} bytes in the bundle, {sizes[1]} rebuilt; they are no text"
        return
    for number, line in enumerate(difflib.unified_diff(old, new, "bundle", "rebuilt", lineterm="")):
        if number == MOST_LINES:
            yield "  …"
            return
        yield "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line)


def _lines(path: str, content: bytes) -> list[str]:
    """The lines of a text; JSON that stands in one line is laid out, so that it can be compared by lines."""
    text = content.decode()
    if path.endswith(".json") and "\n" not in text.rstrip():
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    return text.splitlines()


def _document(original: Original, found: Reproduction) -> dict[str, Any]:
    stated = original.stated
    return {
        "verdict": str(found.verdict),
        "because": found.because,
        "digest": stated.digest,
        "rebuilt": found.rebuilt or None,
        "commit": stated.commit,
        "tree": stated.tree,
        "path": stated.path,
        "compiler": stated.compiler,
        "this_compiler": COMPILER,
        "compared_files": original.files is not None,
        "environments": [difference.to_json() for difference in _by_meaning(found)],
        "files": [
            {"path": one.path, "how": one.how, "diff": list(_unified(one))} for one in found.differences
        ],
    }
