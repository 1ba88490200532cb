"""`sentinelctl plan`: what merging the checked-out commit would do to every environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler import clock
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.cli.validate import check
from reconciler.compile.compiler import Compilation
from reconciler.config.characters import shown
from reconciler.config.findings import Finding, Severity, has_errors
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.errors import Refused
from reconciler.flows.planning import plan_merge
from reconciler.git.local import LocalRepository
from reconciler.plan.markdown import markdown
from reconciler.plan.model import Verdict

LONGEST = 10_000_000
TRUNKS = ("origin/main", "main")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.option("--onto", metavar="REV", help="What it is merged into. Default: origin/main, or else main.")
@click.option("--raw/--no-raw", default=False, help="Whether the unified diffs of the texts follow.")
def command(path: Path, onto: str | None, raw: bool) -> None:
    """Print, as Markdown, what merging the commit that is checked out at PATH would do: which environments change, what
    is removed, how dangerous that is, how it would be rolled out and what it would wait for. A pull request is told the
    same, with the nodes and the bundles of the control plane. What is not committed is not looked at.

    Exit code 0 when it may be merged, 1 when it is refused or conflicts, 2 for wrong usage.
    """
    repository = LocalRepository.around(path)
    head = repository.head() if repository is not None else None
    if repository is None or head is None:
        raise click.UsageError(f"{shown(str(path))} is in no git repository with a commit.")
    names = (onto,) if onto is not None else TRUNKS
    target = next((sha for name in names if (sha := repository.revision(name)) is not None), None)
    if target is None:
        raise click.UsageError(f"There is no {' and no '.join(map(shown, names))}; name another with --onto.")
    try:
        plan = plan_merge(
            repository.mirror(), target, head, repository.folder,
            build=_build, standings={}, now=clock.now(), raw=raw,
        )  # fmt: skip
    except Refused as refused:
        raise click.UsageError(str(refused)) from None
    click.echo(markdown(plan, limit=LONGEST), nl=False)
    if plan.verdict in (Verdict.conflict, Verdict.refused):
        raise SystemExit(1)


def _build(
    files: Sequence[SourceFile], former: Former | None
) -> tuple[Compilation | None, BuiltBundle | None, tuple[Finding, ...]]:
    compilation, findings = check(files, now=clock.now(), former=former)
    if compilation is None or has_errors(findings):
        return None, None, findings
    try:
        return compilation, build_bundle(compilation), findings
    except Refused as refusal:
        return None, None, (*findings, Finding(refusal.code, Severity.error, None, refusal.message))
