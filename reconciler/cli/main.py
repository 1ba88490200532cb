"""The entry point of `sentinelctl`: a table of verbs, each loaded only when it is called.

Exit codes: 0 done, 1 the answer is no or the work failed, 2 wrong usage.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import traceback
from dataclasses import dataclass

import click

from reconciler.errors import ReconcilerError, Stalled


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: the module that holds it as `command`, and the line that `--help` shows without loading it."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "up": Verb("reconciler.cli.up", "Run the whole system on this machine, embedded."),
    "demo": Verb("reconciler.cli.demo", "Play the whole road once, in a temporary directory."),
    "init": Verb("reconciler.cli.init", "Make a server configuration with new keys."),
    "migrate": Verb("reconciler.cli.migrate", "Bring the database to this version's tables."),
    "worker": Verb("reconciler.cli.worker", "Run a worker for RQ's queues."),
    "clock": Verb("reconciler.cli.clock", "Run the schedule: it only enqueues nudges."),
    "nudge": Verb("reconciler.cli.nudge", "Have a project or an environment looked at now."),
    "validate": Verb("reconciler.cli.validate", "Check a config repository and print its findings."),
    "check-proxy-config": Verb("reconciler.cli.check_proxy_config", "Check a config of the real proxy."),
    "build": Verb("reconciler.cli.build", "Compile a config repository into a folder."),
    "diff": Verb("reconciler.cli.diff", "Say what two states of a repository do differently."),
    "verify": Verb("reconciler.cli.verify", "Check a bundle offline, check by check."),
    "reproduce": Verb("reconciler.cli.reproduce", "Rebuild a bundle from its commit and compare."),
    "sbom": Verb("reconciler.cli.sbom", "Print the bill of materials of a bundle."),
    "topology": Verb("reconciler.cli.topology", "Draw what leads where in an environment."),
    "calendar": Verb("reconciler.cli.calendar", "Say when releases are frozen."),
    "schema": Verb("reconciler.cli.schema", "Print the JSON Schema of the language."),
    "fmt": Verb("reconciler.cli.fmt", "Write config files in canonical form."),
    "explain": Verb("reconciler.cli.explain", "Explain a kind or a code."),
    "secret": Verb("reconciler.cli.secret", "Seal secrets for environments, and look after them."),
    "promote": Verb("reconciler.cli.environment_verbs.promote", "Put a bundle into an environment."),
    "rollback": Verb("reconciler.cli.environment_verbs.rollback", "Bring back the previous good bundle."),
    "hold": Verb("reconciler.cli.environment_verbs.hold", "Tell an environment to wait."),
    "pause": Verb("reconciler.cli.environment_verbs.pause", "Pause the rollout of an environment."),
    "resume": Verb("reconciler.cli.environment_verbs.resume", "Lift a hold."),
    "join-token": Verb("reconciler.cli.join_token", "Make, list and revoke what lets a node register."),
    "fleet": Verb("reconciler.cli.fleet", "Run simulated nodes."),
}


class Table(click.Group):
    """A group whose commands are modules, imported when called: `--help` costs no import of the server parts."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        try:
            command: click.Command = importlib.import_module(verb.module).command
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.split(".")[0] in {"reconciler", "webhooks", "web"}:
                raise
            raise click.ClickException(
                f"'{cmd_name}' needs the package '{missing.name}', which the base install leaves out. "
                "Install it with: pip install 'sentinel-control-plane[server]'"
            ) from None
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in VERBS:
            import difflib

            near = difflib.get_close_matches(name, VERBS, n=1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no command '{name}'.{meant}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sentinel-control-plane", prog_name="sentinelctl")
def group() -> None:
    """A GitOps control plane for fleets of Sentinel reverse proxies."""


def main() -> None:
    """Run `sentinelctl` with the arguments of this process."""
    try:
        group.main(prog_name="sentinelctl", standalone_mode=True)
    except ReconcilerError as error:
        click.echo(f"sentinelctl: {error}", err=True)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 — a person gets a sentence; the traceback is kept for a report.
        click.echo(f"sentinelctl: {_surprise(error)}", err=True)
        sys.exit(1)


def _surprise(error: Exception) -> Stalled:
    """The sentence for what nobody foresaw, with its traceback in a file that only this user can read."""
    with tempfile.NamedTemporaryFile("w", prefix="sentinelctl-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    words = (
        f"{error.strerror}: {error.filename}"
        if isinstance(error, OSError) and error.filename
        else type(error).__name__
    )
    return Stalled(
        "E-CLI-001",
        f"the command ended unexpectedly ({words})",
        cure=f"Report it with {file.name}, which has the details",
    )


if __name__ == "__main__":
    main()
