"""`sentinelctl diff`: what differs between two states of a config repository, by meaning, with its risk."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli.folder import config_files
from reconciler.cli.validate import check, counted, print_findings
from reconciler.compile.compiler import Compilation
from reconciler.compile.diff.changes import Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.text import difference_text, raw_text
from reconciler.compile.risk import Risk, assess
from reconciler.config.characters import shown
from reconciler.config.source import SourceFile, is_read
from reconciler.errors import Refused
from reconciler.git.local import LocalRepository

WRONG = 2


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--environment", metavar="NAME", help="Compare this environment alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--raw/--no-raw", default=True, help="Whether the unified diff of the texts follows.")
def command(a: str, b: str, environment: str | None, as_json: bool, raw: bool) -> None:
    """Say what the proxies would do differently with B than with A: deletions first, then the unified diff.

    A and B are folders, or revisions of the repository around the current folder: HEAD, a branch, a tag or forty hex
    digits, exactly, or the Nth commit before one of them: HEAD~1. Of a revision the project is what it holds at the
    current folder.

    Exit code 0 when both compile to the same, 1 when they differ, 2 for wrong usage and for what does not compile.
    """
    old, new = _compiled(a), _compiled(b)
    names = _environments(old, new)
    if environment is not None:
        if environment not in names:
            known = ", ".join(names)
            raise click.UsageError(f"There is no environment {shown(environment)}. There are: {known}")
        names = [environment]
    found = [_compare(name, old, new) for name in names]
    if as_json:
        click.echo(json.dumps(_json(a, b, found), indent=2))
    else:
        for difference, risk in found:
            _print(difference, risk, raw=raw)
    if not all(difference.same for difference, _ in found):
        raise SystemExit(1)


def _compiled(name: str) -> Compilation:
    files = _files(name)
    compilation, findings = check(files)
    if compilation is None:
        click.echo(f"{name} does not compile:\n", err=True)
        print_findings(findings, {file.path: file.content for file in files}, err=True)
        click.echo(counted(findings), err=True)
        raise SystemExit(WRONG)
    return compilation


def _files(name: str) -> list[SourceFile]:
    folder = Path(name)
    if folder.is_dir():
        return config_files(folder)
    repository = LocalRepository.around(Path.cwd())
    sha = repository.revision(name) if repository is not None else None
    if repository is None or sha is None:
        raise click.UsageError(
            f"{shown(name)} is neither a folder nor HEAD, a branch, a tag or a full commit id of this repository, "
            "nor a commit before one of them such as HEAD~1."
        )
    try:
        return [SourceFile(path, content) for path, content in repository.read(sha, is_read)]
    except Refused as refused:
        raise click.UsageError(str(refused)) from None


def _environments(old: Compilation, new: Compilation) -> list[str]:
    """Names in the promotion order of B, then those that only A has."""
    return list(dict.fromkeys(e.name for c in (new, old) for e in c.environments))


def _compare(name: str, old: Compilation, new: Compilation) -> tuple[Difference, Risk]:
    before, after = (
        next((e for e in compilation.environments if e.name == name), None) for compilation in (old, new)
    )
    difference = compare_environments(name, before, after)
    return difference, assess(difference)


def _json(a: str, b: str, found: list[tuple[Difference, Risk]]) -> dict[str, object]:
    return {
        "a": a,
        "b": b,
        "same": all(difference.same for difference, _ in found),
        "environments": [
            {**difference.to_json(), "same": difference.same, "risk": risk.to_json()}
            for difference, risk in found
        ],
    }


def _print(difference: Difference, risk: Risk, *, raw: bool) -> None:
    click.echo(difference_text(difference, raw=False), nl=False)
    if difference.changes:
        click.echo(f"  risk: {risk.level.name}")
        for reason in risk.reasons:
            click.echo(f"    {reason.level.name} {reason.rule}: {reason.reason}")
    if raw and difference.raw:
        click.echo("\n" + raw_text(difference), nl=False)
    click.echo()
