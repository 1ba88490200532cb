"""`sentinel-node`: the agent beside one proxy. Exit codes: 0 done, 1 the answer is no, 2 wrong usage."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from reconciler import clock
from reconciler.errors import ReconcilerError, Refused, Stalled
from reconciler.node import verify_command
from reconciler.node.alone import alone, see_that_root_is_no_stranger
from reconciler.node.assembly import assemble, attend
from reconciler.node.command_options import read_options, read_way
from reconciler.node.config_command import describe
from reconciler.node.config_file import HTTP_PROXY, read_config_file
from reconciler.node.credentials import change_key, leave
from reconciler.node.doctor import examine
from reconciler.node.driver import Hands, Stopped, drive
from reconciler.node.effects import Say
from reconciler.node.files import NodeFiles
from reconciler.node.process import ProcessProxy
from reconciler.node.returning import heed_orders
from reconciler.node.rollback_command import do_alone, have_done, make_order
from reconciler.node.state import Identity
from reconciler.node.unit import unit


def _use_config(context: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Let the file stand behind flags and environment, before any of them is looked at."""
    if path is not None:
        found = read_config_file(path, context)
        context.default_map = dict(found.values)
        context.meta[HTTP_PROXY] = found.http_proxy
    return path


class _Group(click.Group):
    """Takes `--config FILE` behind the verb too, where people write it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = next((n for n, word in enumerate(args) if word.partition("=")[0] == "--config"), None)
        if at is not None and "--" not in args[:at]:
            count = 1 if "=" in args[at] else 2
            args = args[at : at + count] + args[:at] + args[at + count :]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SENTINEL"}
)
@click.version_option(package_name="sentinel-control-plane", prog_name="sentinel-node")
@click.option(
    "--config",
    envvar="SENTINEL_NODE_CONFIG",
    type=click.Path(path_type=Path, dir_okay=False),
    is_eager=True,
    callback=_use_config,
    help="File with settings, which flags and environment override; may stand behind the verb too.",
)
@click.option("--control-plane", envvar="SENTINEL_CONTROL_PLANE", help="URL of the node API.")
@click.option(
    "--home",
    envvar="SENTINEL_NODE_HOME",
    default="/var/lib/sentinel-node",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The node's folder.",
)
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    envvar="SENTINEL_NODE_MIRRORS",
    metavar="URL",
    help="Mirror of what the control plane publishes, asked while it is away; may be repeated. In the variable: "
    "URLs with spaces between them.",
)
@click.option("--project", envvar="SENTINEL_PROJECT", help="Project to register in.")
@click.option(
    "--name", envvar="SENTINEL_NODE_NAME", default=socket.gethostname, help="Name (default: the host's)."
)
@click.option("--labels", envvar="SENTINEL_NODE_LABELS", default="", help="Such as region=eu,tier=edge.")
@click.option("--join-token-file", envvar="SENTINEL_JOIN_TOKEN_FILE", type=click.Path(path_type=Path))
@click.option("--proxy-binary", envvar="SENTINEL_PROXY_BINARY", default="zentinel", show_default=True)
@click.option(
    "--admin-port",
    envvar="SENTINEL_ADMIN_PORT",
    default=9901,
    show_default=True,
    type=click.IntRange(1, 65535),
)
@click.option(
    "--wait",
    envvar="SENTINEL_NODE_WAIT",
    default=0,
    type=click.IntRange(0, 30),
    help="Long poll, in seconds.",
)
@click.option(
    "--run-folder",
    envvar="SENTINEL_NODE_RUN",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where secrets are opened, on tmpfs (default: below /run, XDG_RUNTIME_DIR or /dev/shm).",
)
@click.option(
    "--secrets-on-disk",
    envvar="SENTINEL_NODE_SECRETS_ON_DISK",
    is_flag=True,
    help="Open secrets although that folder is not in memory.",
)
@click.option(
    "--waf-log",
    envvar="SENTINEL_NODE_WAF_LOG",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Log of the WAF agent, in JSON lines, whose events are told to the control plane.",
)
@click.option(
    "--ca-file",
    envvar="SENTINEL_NODE_CA_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Authorities in PEM that are believed beside the machine's own.",
)
@click.option(
    "--client-certificate",
    envvar="SENTINEL_NODE_CLIENT_CERTIFICATE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificate in PEM to show to the control plane.",
)
@click.option(
    "--client-key",
    envvar="SENTINEL_NODE_CLIENT_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its private key, unless the same file holds it.",
)
@click.option(
    "--agent-check",
    envvar="SENTINEL_NODE_AGENT_CHECK",
    metavar="HOST:PORT",
    help="Where to tell the node's weight to the agent check of HAProxy.",
)
@click.option(
    "--ready",
    envvar="SENTINEL_NODE_READY",
    metavar="HOST:PORT",
    help="Where to tell the weight over HTTP: GET /ready is 200, or 503 when it is 0.",
)
@click.option(
    "--weight-hook",
    envvar="SENTINEL_NODE_WEIGHT_HOOK",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Program that is called with the weight, 0 to 100, whenever it changes.",
)
@click.pass_context
def group(ctx: click.Context, /, **values: Any) -> None:
    """The agent beside a Sentinel proxy: fetches what it should run, checks it, activates it, reports."""
    environ = os.environ.get("SENTINEL_NODE_HTTP_PROXY", "")
    ctx.obj = {**values, "http_proxy": environ or ctx.meta.get(HTTP_PROXY, "")}


@group.command()
@click.option(
    "--stop-proxy", is_flag=True, help="Stop the proxy when the agent stops; otherwise it keeps serving."
)
@click.pass_obj
def run(values: dict[str, Any], stop_proxy: bool) -> None:
    """Run until told to stop."""
    options = read_options(values)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with alone(options.home):
        agent, hands = assemble(options, _say)
        try:
            # First of all the proxy, which is to serve after a boot even where somebody else has taken a port.
            drive(agent.recover(), hands, stop)
            hands.board.serve(agent_check=options.agent_check, ready=options.ready)
            drive(agent.life(), hands, stop)
        except Stopped:
            _say(Say("stopped", {"proxy": "stopped" if stop_proxy else "left serving"}))
        finally:
            hands.board.close()
            if stop_proxy and isinstance(hands.proxy, ProcessProxy):
                hands.proxy.stop()
                hands.run.wipe()


@group.command()
@click.pass_obj
def once(values: dict[str, Any]) -> None:
    """Do one round: report, fetch and activate what is offered, report again."""
    options = read_options(values)
    never = threading.Event()
    with alone(options.home):
        agent, hands = assemble(options, _say)
        drive(agent.recover(), hands, never)
        if drive(agent.cycle(), hands, never):
            drive(agent.cycle(), hands, never)
        # The operator may have given one meanwhile, and nobody else heeds it.
        drive(heed_orders(agent), hands, never)
    if agent.state is not None and agent.state.refusal is not None:
        refusal = agent.state.refusal
        raise Refused(refusal.code, refusal.message)


@group.command()
@click.pass_obj
def status(values: dict[str, Any]) -> None:
    """Print what this node is and runs, as JSON; never a key."""
    # An agent may be at work in this folder, so nothing is made or tidied here.
    files = NodeFiles(values["home"])
    try:
        identity, state = files.identity(), files.state()
    except OSError as error:
        raise Stalled(
            "E-NOD-004",
            f"the node's home {files.home} cannot be read: {error.strerror}",
            cure="Run it as the user of the node, or choose another --home",
        ) from None
    active, trust = (state.active, state.trust) if state is not None else (None, None)
    document = {
        "id": identity.id if identity else None,
        "project": identity.project if identity else None,
        "environment": identity.environment if identity else None,
        "active": active.digest if active else None,
        "config_id": active.config_id if active else None,
        "activated_at": active.activated_at if active else None,
        "sequence": trust.sequence if trust else None,
        "secrets": {name: p.version for name, p in active.secrets.items()} if active else {},
        "weight": state.weight if state is not None and active is not None else 0,
        "pointer_expires": trust.expires if trust else None,
        "refusal": state.refusal.report() if state and state.refusal else None,
        "rolled_back": asdict(state.held) if state and state.held else None,
        "linked": files.linked() or None,
    }
    click.echo(json.dumps(document, indent=2))


@group.command()
@click.option("--because", default="", metavar="WORDS", help="Why, for everybody who reads the reports.")
@click.option(
    "--hours",
    type=click.FloatRange(0.1, 720),
    default=24.0,
    show_default=True,
    help="How long the bundle that is left is not taken again.",
)
@click.option("--end", is_flag=True, help="Take what is offered again, the bundle that was left too.")
@click.pass_obj
def rollback(values: dict[str, Any], because: str, hours: float, end: bool) -> None:
    """Go back to the bundle that ran before, on this machine alone, also without a control plane.

    It holds until the control plane offers another bundle than the one that was left, until --end, at most for --hours.
    """
    order = make_order(end=end, because=because, seconds=hours * 3600)
    files = NodeFiles(values["home"])
    see_that_root_is_no_stranger(files.home)
    try:
        with alone(files.home):
            agent, hands = assemble(read_options(values, plane=False), _say)
            words = do_alone(agent, hands, order)
    except Stalled as error:
        if error.code != "E-NOD-005":
            raise
        words = have_done(files, order)
    click.echo(words)


@group.command("rotate-key")
@click.pass_obj
def rotate_key(values: dict[str, Any]) -> None:
    """Put a new key in the place of the one that this node shows to the control plane. An agent that runs notices."""
    identity, hands = _registered(values)
    drive(change_key(identity, lambda: "snk_" + secrets.token_urlsafe(32)), hands, threading.Event())


@group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def deregister(values: dict[str, Any], yes: bool) -> None:
    """End this node's registration. Its proxy keeps serving; the home can be emptied, and never registers again."""
    identity, hands = _registered(values)
    if not yes:
        click.confirm(f"End the registration of {identity.id} ({identity.name})?", abort=True)
    drive(leave(identity), hands, threading.Event())


def _registered(values: dict[str, Any]) -> tuple[Identity, Hands]:
    see_that_root_is_no_stranger(values["home"])
    agent, hands = attend(read_options(values), _say)
    if agent.identity is None:
        raise Stalled(
            "E-NOD-002", "this node is not registered", cure="Run 'sentinel-node run' with a join token first"
        )
    return agent.identity, hands


@group.command()
@click.pass_obj
def doctor(values: dict[str, Any]) -> None:
    """Look for what would keep this node from working, and say what to do."""
    findings = examine(
        home=values["home"],
        control_plane=values["control_plane"],
        proxy_binary=values["proxy_binary"],
        admin_port=values["admin_port"],
        run_folder=values["run_folder"],
        secrets_on_disk=values["secrets_on_disk"],
        way=read_way(values),
        config=values["config"],
    )
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'BAD '} {finding.what}: {finding.words}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@group.command("config")
@click.pass_context
def show_config(ctx: click.Context) -> None:
    """Check the settings, and print those in force in the form of a configuration file, without what is secret."""
    parent = ctx.parent
    if parent is not None:
        click.echo(describe(parent, ctx.obj), nl=False)
    read_options(ctx.obj)


@group.command("unit")
@click.option(
    "--user", default="sentinel-node", show_default=True, help="The user that agent and proxy run as."
)
def print_unit(user: str) -> None:
    """Print a systemd unit for this agent, for /etc/systemd/system/sentinel-node.service."""
    # pip puts the command beside the interpreter that it installs for.
    program = Path(sys.executable).with_name("sentinel-node")
    try:
        click.echo(unit(str(program), user), nl=False)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


group.add_command(verify_command.command)


def main() -> None:
    """Run `sentinel-node` with the arguments of this process."""
    try:
        group.main(prog_name="sentinel-node", standalone_mode=True)
    except ReconcilerError as error:
        click.echo(f"sentinel-node: {error}", err=True)
        sys.exit(1)


def _say(said: Say) -> None:
    fields = " ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in said.fields.items()
    )
    click.echo(f"{clock.iso(clock.now())} {said.event} {fields}".rstrip(), err=True)


if __name__ == "__main__":
    main()
