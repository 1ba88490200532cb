"""What verbs of `keys` need of an installation: the organization, its configured keys, its roots in the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler import clock
from reconciler.bundle.chain import Chain
from reconciler.config.installation import Organization
from reconciler.errors import Stalled
from reconciler.flows.context import load_installation
from reconciler.flows.roots import HeldKey, held_keys, no_root, read_stored
from reconciler.settings import Settings, read_settings
from reconciler.store.choose import open_store
from reconciler.store.port import BlobStore


@dataclass(frozen=True, slots=True)
class Installed:
    """One organization of the installation that this process belongs to."""

    settings: Settings
    organization: Organization
    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where relative key URIs of control-plane.kdl start from."""
        return self.settings.config_file.parent

    def store(self) -> BlobStore:
        """The object store of the settings."""
        return open_store(self.settings)

    def held(self, role: str) -> tuple[HeldKey, ...]:
        """What is at each configured URI of a role."""
        return held_keys(self.organization, role, folder=self.folder, environ=self.environ)

    def chain(self) -> Chain:
        """The published roots. Raises `Stalled` E-KEY-008 when there is none."""
        found = read_stored(self.store(), self.organization.slug, now=clock.now())
        if found is None:
            raise no_root(self.organization.slug)
        return found


def open_installed(slug: str | None) -> Installed:
    """The organization of that slug, or the only one. Raises `Stalled`."""
    settings = read_settings(os.environ)
    organizations = load_installation(settings).organizations
    if slug is None and len(organizations) == 1:
        return Installed(settings, organizations[0], os.environ)
    for found in organizations:
        if found.slug == slug:
            return Installed(settings, found, os.environ)
    raise Stalled(
        "E-SET-007",
        f"there is no organization '{slug}'" if slug else "there are several organizations",
        cure=f"Name one with --organization: {', '.join(found.slug for found in organizations)}",
    )
