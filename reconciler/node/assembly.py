"""Puts one node together from its options: the only place that knows which parts a `sentinel-node` is made of."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler import clock
from reconciler.errors import Stalled
from reconciler.node.driver import Hands
from reconciler.node.effects import Say
from reconciler.node.files import NodeFiles
from reconciler.node.http import ControlPlane
from reconciler.node.keys import make_keys
from reconciler.node.machine import Agent, Wishes
from reconciler.node.outbox import Outbox
from reconciler.node.process import ProcessProxy
from reconciler.node.proxy import Proxy
from reconciler.node.runfolder import RunFolder, default_folder, is_in_memory
from reconciler.node.way import DIRECT, Way
from reconciler.node.weights import Address, Board


@dataclass(frozen=True, slots=True)
class Options:
    """What flags and environment say. `join_token` is needed once, until the node is registered.

    `run_folder` is where secrets are opened, None for the first folder in memory that there is. `agent_check` and
    `ready` are where the weight is told, `weight_hook` is a program that is called with it.
    """

    control_plane: str
    home: Path
    project: str
    name: str
    labels: Mapping[str, str]
    proxy_binary: str
    admin_port: int
    wait: int
    join_token: str | None = field(default=None, repr=False)
    run_folder: Path | None = None
    secrets_on_disk: bool = False
    way: Way = DIRECT
    waf_log: Path | None = None
    """The log of a WAF agent, whose events are told to the control plane."""
    mirrors: tuple[str, ...] = ()
    """URLs of mirrors, in the order in which they are asked."""
    agent_check: Address | None = None
    ready: Address | None = None
    weight_hook: Path | None = None


def assemble(options: Options, say: Callable[[Say], None]) -> tuple[Agent, Hands]:
    """A node around the proxy binary. Raises `Stalled` when its home cannot be used."""
    files = open_files(options.home)
    proxy = ProcessProxy(options.proxy_binary, files.link, options.admin_port, files.home / "proxy.log")
    run = open_run_folder(options)
    if options.secrets_on_disk and not is_in_memory(run.path):
        say(Say("secrets-on-disk", {"warning": f"secrets are opened in {run.path}, which is not in memory"}))
    plane = ControlPlane(options.control_plane, options.mirrors, way=options.way)
    agent, hands = join(options, files, run, proxy, plane, say)
    hands.outbox = _open_outbox(options, files)
    agent.wishes = replace(agent.wishes, tells=hands.outbox is not None)
    return agent, hands


def attend(options: Options, say: Callable[[Say], None]) -> tuple[Agent, Hands]:
    """A node for a command that works beside its agent, which may be writing: nothing is made or tidied up here.
    Raises `Stalled`."""
    files = NodeFiles(options.home)
    proxy = ProcessProxy(options.proxy_binary, files.link, options.admin_port, files.home / "proxy.log")
    plane = ControlPlane(options.control_plane, way=options.way)
    return join(options, files, open_run_folder(options), proxy, plane, say)


def _open_outbox(options: Options, files: NodeFiles) -> Outbox | None:
    """What the node has to tell; None on a disk that takes nothing, where the node still serves."""
    outbox = Outbox(files.home / "outbox", clock.now, options.waf_log)
    try:
        outbox.prepare()
    except OSError:
        return None
    return outbox


def open_run_folder(options: Options) -> RunFolder:
    """The folder for this node's secrets; it is made when there are any."""
    path = options.run_folder or default_folder(options.home, os.environ)
    return RunFolder(path, on_disk=options.secrets_on_disk)


def open_files(home: Path) -> NodeFiles:
    """The node's folder, made when missing. Raises `Stalled`."""
    files = NodeFiles(home)
    try:
        files.prepare()
    except OSError as error:
        raise Stalled(
            "E-NOD-004",
            f"the node's home {files.home} cannot be used: {error.strerror}",
            cure="Choose another --home",
        ) from None
    return files


def join(
    options: Options,
    files: NodeFiles,
    run: RunFolder,
    proxy: Proxy,
    control_plane: ControlPlane,
    say: Callable[[Say], None],
) -> tuple[Agent, Hands]:
    """A node around any proxy, as it was when it last stopped. Raises `Stalled` when its files are damaged."""
    identity, state = files.identity(), files.state()
    agent = Agent(
        wishes=Wishes(
            options.project,
            options.name,
            options.labels,
            options.join_token,
            options.wait,
            len(options.mirrors),
        ),
        identity=identity,
        # Without an identity nothing was ever activated: a state alone is what an interrupted registration left.
        state=state if identity is not None else None,
        now=clock.now,
        chance=random.random,
        make_keys=make_keys,
        boot_id=secrets.token_hex(8),
    )
    known = agent.state
    weight = known.weight if known is not None and known.active is not None else 0
    hands = Hands(files, run, proxy, control_plane, say, identity, Board(options.weight_hook, weight))
    if identity is not None and state is None:
        raise Stalled(
            "E-NOD-001",
            f"{files.home / 'state.json'} is missing",
            cure="Restore the file, or empty the node's home and register it again with a join token",
        )
    return agent, hands
