"""`sentinelctl build`: compile a config repository into a folder."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.folder import config_files
from reconciler.cli.validate import check, counted, print_findings


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that the files go into.",
)
def command(path: Path, out: Path) -> None:
    """Compile the *.kdl files below PATH and write config/ENVIRONMENT/sentinel.kdl and agents' files below --out.

    These are the very bytes that a bundle of this tree carries. Exit code 1 when there is an error; nothing is
    written then.
    """
    files = config_files(path)
    compilation, findings = check(files)
    print_findings(findings, {file.path: file.content for file in files})
    if compilation is None:
        click.echo(counted(findings))
        raise SystemExit(1)
    for environment in compilation.environments:
        identity = f"  config-id {environment.config_id}  restart-key {environment.restart_key}"
        config = f"config/{environment.name}/sentinel.kdl"
        for name, content in {config: environment.config, **environment.files}.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            click.echo(f"{target}{identity if name == config else ''}")
