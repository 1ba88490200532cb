"""The systemd unit of an agent, printed by `sentinel-node unit`.

The proxy is a child of the agent and outlives it: only the agent is stopped with the unit (`KillMode=process`), and the
folder in memory stays, because the proxy reads there what it was given (`RuntimeDirectoryPreserve`).
"""

from __future__ import annotations

CONFIG_FILE = "/etc/sentinel-node/config.kdl"
ENVIRONMENT_FILE = "/etc/sentinel-node/env"

_UNIT = """\
# Written by `sentinel-node unit`. Settings are in {config_file}; variables in {environment_file}, which may be
# missing, override them.
[Unit]
Description=Sentinel node agent
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User={user}
EnvironmentFile=-{environment_file}
Environment=SENTINEL_NODE_HOME=/var/lib/sentinel-node
Environment=SENTINEL_NODE_RUN=/run/sentinel-node
ExecStart={program} run --config {config_file}
StateDirectory=sentinel-node
StateDirectoryMode=0700
RuntimeDirectory=sentinel-node
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
Restart=always
RestartSec=5
KillMode=process
TimeoutStopSec=60
UMask=0077
NoNewPrivileges=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
ProtectSystem=full
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
"""


def unit(program: str, user: str) -> str:
    """The unit that runs `program`, an absolute path, as `user`. ValueError for what systemd would read otherwise."""
    for word in (program, user):
        if not word or set(word) & set(" \t\n\r\"'\\%$;"):
            raise ValueError(f"'{word}' cannot stand in a unit")
    return _UNIT.format(
        program=program, user=user, config_file=CONFIG_FILE, environment_file=ENVIRONMENT_FILE
    )
