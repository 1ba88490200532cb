"""What is said to forges: one file for each, which makes requests and reads answers and sends nothing itself.

Built from the forges' documented contracts. Forbidden here: the database, git, and any way out but `reconciler.egress`.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.forge import bitbucket, bitbucket_data_center, gitea, github, gitlab
from reconciler.forge.port import Forge

FORGES: Mapping[str, Forge] = {
    "github": github.FORGE,
    "gitlab": gitlab.FORGE,
    "bitbucket": bitbucket.FORGE,
    "bitbucket-data-center": bitbucket_data_center.FORGE,
    "gitea": gitea.FORGE,
    "forgejo": gitea.FORGE,
}
"""By the name that a connection gives. A `generic` one has nothing that could be told anything."""
