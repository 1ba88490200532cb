"""Follows the git repository that the server configuration is kept in, when it is: a good head becomes the file.

A head with mistakes changes nothing, and is told of in the log and on the first page. What is in the repository rules
the installation, so whoever may push to it is its administrator.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping

from reconciler.config.installation import read_installation
from reconciler.errors import Stalled
from reconciler.git.mirror import HEADS, Credentials, Mirror
from reconciler.git.url import shown
from reconciler.jobs.last_good import PROBLEM, keep
from reconciler.keys.uri import load_secret
from reconciler.settings import Settings

log = logging.getLogger(__name__)


def follow(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Bring the file to what the repository has; whether it changed. Nothing is done when none is named.

    Raises `Stalled` E-SET-009 for a head that cannot be used, and as git does.
    """
    if not settings.config_repository:
        return False
    told = settings.config_file.with_name(settings.config_file.name + PROBLEM)
    try:
        changed = _follow(settings, environ)
    except Stalled as problem:
        keep(told, f"{problem}\n".encode())
        raise
    told.unlink(missing_ok=True)
    return changed


def _follow(settings: Settings, environ: Mapping[str, str]) -> bool:
    url = settings.config_repository
    name = hashlib.sha256(url.encode()).hexdigest()[:32]
    mirror = Mirror.open(settings.mirrors / f"{name}.git", url, _credentials(settings, environ))
    head = mirror.fetch().get(f"{HEADS}{settings.config_branch}")
    content = mirror.read_file(head, settings.config_path) if head is not None else None
    where = f"{settings.config_path} of branch {settings.config_branch} of {shown(url)}"
    if head is None or content is None:
        raise Stalled(
            "E-SET-009",
            f"there is no {where}; the configuration stays as it is",
            cure="Push it, or correct SENTINEL_CONFIG_BRANCH and SENTINEL_CONFIG_PATH",
        )
    installation, findings = read_installation(content, settings.config_path)
    if installation is None:
        lines = "; ".join(str(finding) for finding in findings)
        raise Stalled(
            "E-SET-009",
            f"{where} has mistakes at {head[:12]}; the configuration stays as it is: {lines}",
            cure="Correct it and push again",
        )
    changed = keep(settings.config_file, content)
    if changed:
        log.info("server-configuration-changed: it is that of %s now", head[:12])
    return changed


def _credentials(settings: Settings, environ: Mapping[str, str]) -> Credentials | None:
    if not settings.config_credentials:
        return None
    secret = load_secret(settings.config_credentials, folder=settings.config_file.parent, environ=environ)
    user, _, token = secret.decode().partition(":")
    return Credentials(user=user, token=token)
