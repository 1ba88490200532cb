"""`sentinelctl validate`: check a config repository, or a server configuration."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import click

from reconciler import clock
from reconciler.cli.against import former_at
from reconciler.cli.folder import config_files, other_files
from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.compile.expiry import expiry_findings
from reconciler.config.annotations import annotation
from reconciler.config.excerpt import WITHHELD, excerpt
from reconciler.config.findings import Finding, Severity, has_errors, sort_findings
from reconciler.config.installation import read_installation
from reconciler.config.rules.step import Former, hold_to
from reconciler.config.sarif import sarif
from reconciler.config.secret_age import due_secrets
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile

SERVER_CONFIGURATION = "control-plane.kdl"
FORMATS = ("text", "json", "sarif", "github")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read, what was found, and the sentence for when nothing is wrong."""

    files: tuple[SourceFile, ...]
    findings: tuple[Finding, ...]
    summary: str

    @property
    def ok(self) -> bool:
        return not has_errors(self.findings)


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), default=".")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    help="How to print: for people, as JSON, as SARIF 2.1.0, or as annotations of GitHub's workflows.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--against",
    metavar="REV",
    help="Hold the files to what they come from as well, as trunk will: budgets of deletions, rules and policies.",
)
@click.option("--watch", is_flag=True, help="Go on, and check again whenever a file has changed.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two looks at the files, with --watch.",
)
def command(path: Path, form: str, as_json: bool, against: str | None, watch: bool, interval: float) -> None:
    """Check the *.kdl files below PATH (the current folder when absent) and print all their findings at once. Every
    other file is searched for private keys and tokens that nobody should commit.

    REV is HEAD, a branch, a tag or forty hex digits, or the Nth commit before one of them: REV~N. What is compared is
    the last commit that HEAD shares with it, and the trailers of the commits since then count: with --against
    origin/main a branch is judged as its merge will be.

    A file of the name control-plane.kdl is checked as a server configuration. Exit code 1 when there is an error; with
    --watch it is that of the last check, when it is ended with Ctrl-C. A certificate in use that has ended is an error
    here; on a commit of trunk it is a warning.
    """
    form = "json" if as_json else form
    files = config_files(path)
    checked = _check(path, files, against)
    _print(checked, form, path)
    try:
        while watch:
            time.sleep(interval)
            now = _look(path, files)
            if now != files:
                files = now
                checked = _check(path, files, against)
                click.echo("" if form != "text" else "—" * 20)
                _print(checked, form, path)
    except KeyboardInterrupt:
        pass
    if not checked.ok:
        raise SystemExit(1)


def _look(path: Path, before: list[SourceFile]) -> list[SourceFile]:
    """The files now; what was there before while an editor is just replacing one of them."""
    try:
        return config_files(path)
    except click.ClickException:
        return before


def _check(path: Path, files: list[SourceFile], against: str | None) -> Checked:
    if path.is_file() and path.name == SERVER_CONFIGURATION:
        _, findings = read_installation(files[0].content, files[0].path)
        return Checked(tuple(files), findings, "the server configuration is sound")
    former = former_at(path, against) if against is not None else None
    compilation, findings = check([*files, *other_files(path)], now=clock.now(), former=former)
    names = ", ".join(e.name for e in compilation.environments) if compilation else ""
    return Checked(tuple(files), findings, f"{len(files)} files are sound; they compile for {names}")


def _print(checked: Checked, form: str, path: Path) -> None:
    prefix = _prefix(path)
    if form == "json":
        findings = [finding.to_json() for finding in checked.findings]
        click.echo(json.dumps({"ok": checked.ok, "findings": findings}, indent=2))
    elif form == "sarif":
        log = sarif(checked.findings, version=version("sentinel-control-plane"), prefix=prefix)
        click.echo(json.dumps(log, indent=2))
    elif form == "github":
        for finding in checked.findings:
            click.echo(annotation(finding, prefix=prefix))
    else:
        print_findings(checked.findings, {file.path: file.content for file in checked.files})
        click.echo(checked.summary if checked.ok else counted(checked.findings))
        if not checked.ok:
            codes = sorted({finding.code for finding in checked.findings if finding.is_error})
            click.echo(f"sentinelctl explain {codes[0]} says more" + (" of a code" if len(codes) > 1 else ""))


def _prefix(path: Path) -> str:
    """The folder of the findings' paths as seen from the current folder, which is taken for the repository's root."""
    folder = (path.parent if path.is_file() else path).resolve()
    here = Path.cwd().resolve()
    if folder == here or not folder.is_relative_to(here):
        return ""
    return folder.relative_to(here).as_posix() + "/"


def check(
    files: Iterable[SourceFile], *, now: datetime | None = None, former: Former | None = None
) -> tuple[Compilation | None, tuple[Finding, ...]]:
    """Read and compile: what a worker would say of these files. With `now`, also of what has ended or is due then;
    with `former`, held to that as well."""
    snapshot, findings = read_snapshot(files)
    if snapshot is None:
        return None, findings
    compilation, more = compile_snapshot(snapshot)
    if compilation is not None and now is not None:
        more = (*more, *expiry_findings(snapshot, now=now), *due_secrets(snapshot, now.date()))
    held = hold_to(former, snapshot)
    if has_errors(held.findings):
        compilation = None
    return compilation, sort_findings((*findings, *more, *held.findings))


def print_findings(findings: Iterable[Finding], contents: Mapping[str, bytes], *, err: bool = False) -> None:
    """Each finding with its line and a caret, and an empty line behind it. Files with credentials stay unshown."""
    listed = list(findings)
    withheld = {finding.place.path for finding in listed if finding.place and finding.code in WITHHELD}
    for finding in listed:
        shown = finding.place is not None and finding.place.path not in withheld
        content = contents.get(finding.place.path) if finding.place and shown else None
        click.echo(excerpt(finding, content) + "\n", err=err)


def counted(findings: Iterable[Finding]) -> str:
    """A sentence such as "2 errors, 1 warning"."""
    listed = list(findings)
    parts = []
    for severity in Severity:
        number = sum(finding.severity is severity for finding in listed)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 and severity is not Severity.info else ''}")
    return ", ".join(parts)
