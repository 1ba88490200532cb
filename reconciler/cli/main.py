"""The entry point of `sentinelctl`: a table of verbs, each loaded only when it is called.

Exit codes: 0 done, 1 the answer is no or the work failed, 2 wrong usage.
"""

from __future__ import annotations

import sys
import tempfile
import traceback

import click

from reconciler.cli.table import Table, Verb
from reconciler.errors import ReconcilerError, Stalled

VERBS: dict[str, Verb] = {
    "up": Verb("reconciler.cli.up", "Run the whole system on this machine, embedded."),
    "demo": Verb("reconciler.cli.demo", "Play the whole road once, in a temporary directory."),
    "init": Verb("reconciler.cli.init", "Make a server configuration with new keys."),
    "keys": Verb("reconciler.cli.keys.group", "Make, rotate, revoke and show signing keys and roots."),
    "migrate": Verb("reconciler.cli.migrate", "Bring the database to this version's tables."),
    "backup": Verb("reconciler.cli.backup_verbs.backup", "Write what git does not have into one file."),
    "restore": Verb("reconciler.cli.backup_verbs.restore", "Put a backup into an empty database."),
    "rebuild": Verb("reconciler.cli.rebuild", "Bring back what git and the object store know."),
    "worker": Verb("reconciler.cli.worker", "Run a worker for RQ's queues."),
    "clock": Verb("reconciler.cli.clock", "Run the schedule: it only enqueues nudges."),
    "nudge": Verb("reconciler.cli.nudge", "Have a project or an environment looked at now."),
    "connect": Verb("reconciler.cli.connect", "Set up webhooks at a forge, and see a delivery come in."),
    "deliveries": Verb("reconciler.cli.deliveries", "Show what forges told us, and what they did not."),
    "validate": Verb("reconciler.cli.validate", "Check a config repository and print its findings."),
    "check-proxy-config": Verb("reconciler.cli.check_proxy_config", "Check a config of the real proxy."),
    "import": Verb("reconciler.cli.import_config", "Make a config repository of a proxy's config."),
    "build": Verb("reconciler.cli.build", "Compile a config repository into a folder."),
    "diff": Verb("reconciler.cli.diff", "Say what two states of a repository do differently."),
    "plan": Verb("reconciler.cli.plan", "Say what merging this would do to every environment."),
    "verify": Verb("reconciler.cli.verify", "Check a bundle offline, check by check."),
    "reproduce": Verb("reconciler.cli.reproduce", "Rebuild a bundle from its commit and compare."),
    "sbom": Verb("reconciler.cli.sbom", "Print the bill of materials of a bundle."),
    "topology": Verb("reconciler.cli.topology", "Draw what leads where in an environment."),
    "calendar": Verb("reconciler.cli.calendar", "Say when releases are frozen."),
    "simulate": Verb("reconciler.cli.simulate", "Play releases on a made-up fleet in virtual time."),
    "replay": Verb("reconciler.cli.replay", "Make the decisions of a branch again, and compare."),
    "schema": Verb("reconciler.cli.schema", "Print the JSON Schema of the language."),
    "fmt": Verb("reconciler.cli.fmt", "Write config files in canonical form."),
    "explain": Verb("reconciler.cli.explain", "Explain a kind or a code."),
    "certificate": Verb("reconciler.cli.certificate", "Add, renew and list certificates."),
    "secret": Verb("reconciler.cli.secret", "Seal secrets for environments, and look after them."),
    "promote": Verb("reconciler.cli.environment_verbs.promote", "Put a bundle into an environment."),
    "rollback": Verb("reconciler.cli.environment_verbs.rollback", "Bring back the previous good bundle."),
    "approve": Verb("reconciler.cli.environment_verbs.approve", "Approve a release that waits for people."),
    "reject": Verb("reconciler.cli.environment_verbs.reject", "Stop a release."),
    "cancel": Verb("reconciler.cli.environment_verbs.cancel", "Take a release back before it is live."),
    "retry": Verb("reconciler.cli.environment_verbs.retry", "Try a release again that failed."),
    "hold": Verb("reconciler.cli.environment_verbs.hold", "Tell an environment to wait."),
    "pin": Verb("reconciler.cli.environment_verbs.pin", "Keep nodes on a bundle of their own."),
    "pause": Verb("reconciler.cli.environment_verbs.pause", "Pause the rollout of an environment."),
    "resume": Verb("reconciler.cli.environment_verbs.resume", "Lift a hold."),
    "why": Verb("reconciler.cli.why", "Say what an environment, a rollout or a node waits for."),
    "revoke": Verb("reconciler.cli.environment_verbs.revoke", "Forbid a bundle in every environment."),
    "log": Verb("reconciler.cli.log_verbs.command", "Show, verify and prove the log of what was signed."),
    "audit": Verb("reconciler.cli.audit_verbs.command", "Check and export who did what."),
    "join-token": Verb("reconciler.cli.join_token", "Make, list and revoke what lets a node register."),
    "node": Verb("reconciler.cli.node", "Retire nodes and revoke their tokens."),
    "admin": Verb("reconciler.cli.admin", "Make accounts that may do everything."),
    "person": Verb("reconciler.cli.person", "Make accounts of people, and look after them."),
    "api-key": Verb("reconciler.cli.api_key", "Make, list and revoke what programs sign in with."),
    "drift": Verb("reconciler.cli.drift", "List nodes that run something else than they should."),
    "fleet": Verb("reconciler.cli.fleet", "Run simulated nodes."),
}


@click.group(cls=Table, verbs=VERBS, context_settings={"help_option_names": ["-h", "--help"]})
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
