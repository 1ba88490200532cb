"""One file for each forge: how its deliveries are signed and what of them concerns us. Pure.

The URL of a delivery says which forge it is from; headers never do. Forbidden here: the database, the clock, the
network, and believing anything of a payload but which branch of which repository to look at.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhooks.receivers import bitbucket, bitbucket_data_center, forgejo, generic, gitea, github, gitlab
from webhooks.receivers.delivery import Receiver

RECEIVERS: Mapping[str, Receiver] = {
    "github": github.RECEIVER,
    "gitlab": gitlab.RECEIVER,
    "bitbucket": bitbucket.RECEIVER,
    "bitbucket-data-center": bitbucket_data_center.RECEIVER,
    "gitea": gitea.RECEIVER,
    "forgejo": forgejo.RECEIVER,
    "generic": generic.RECEIVER,
}
"""By the name that a connection gives in `control-plane.kdl`, which is also the one in the URL."""
