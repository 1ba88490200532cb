"""What a flow may touch, built once for each run and handed down."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.chain import Chain
from reconciler.bundle.sealed import key_id
from reconciler.config.installation import Connection, Installation, Organization, Project, read_installation
from reconciler.egress.asking import Egress
from reconciler.errors import Stalled
from reconciler.flows.compile_cache import CompileCache
from reconciler.forge import FORGES
from reconciler.forge.app import TOKENS
from reconciler.forge.app import USER as APP_USER
from reconciler.git.mirror import Credentials, Mirror
from reconciler.git.ssh_private import CURE as PRIVATE_KEY_CURE
from reconciler.git.url import is_ssh, shown
from reconciler.keys.uri import load_sealing_key, load_secret
from reconciler.settings import Settings
from reconciler.store.choose import open_store
from reconciler.store.port import BlobStore

SSH_USER = "git"
"""Who we are to a host whose URL names nobody."""


@dataclass(slots=True)
class Context:
    """One project, and the outside world as far as its flows need it. Keys are loaded when used, never before."""

    settings: Settings
    installation: Installation
    organization: Organization
    project: Project
    environ: Mapping[str, str]
    store: BlobStore
    now: Callable[[], datetime] = clock.now
    known: bool = False
    """Whoever asked for this run had seen the branches; see `reconciler.flows.branches`."""
    roots: Chain | None = field(default=None, repr=False)
    """What `reconciler.flows.roots.trusted_roots` read last."""
    _mirror: Mirror | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """Folder of `control-plane.kdl`, which relative key URIs start from."""
        return self.settings.config_file.parent

    @property
    def connection(self) -> Connection | None:
        """The forge connection of the project, or None when it has none."""
        return self.installation.connection(self.project.connection) if self.project.connection else None

    @property
    def mirror(self) -> Mirror:
        """The bare mirror of the project's repository, opened at the first use; projects share it by URL."""
        if self._mirror is None:
            name = hashlib.sha256(self.project.repository.encode()).hexdigest()[:32]
            self._mirror = Mirror.open(
                self.settings.mirrors / f"{name}.git", self.project.repository, self.git_credentials()
            )
        return self._mirror

    def compile_cache(self) -> CompileCache:
        """The compile cache of the project, for one compilation."""
        most = self.settings.compile_cache_bytes
        return CompileCache(self.settings.cache, self.organization.slug, self.project.slug, most)

    def credentials(self) -> Credentials | None:
        """The user and token that the forge connection names for its API, or None for anonymous access."""
        return credentials_of(
            self.installation, self.connection, folder=self.folder, environ=self.environ, now=self.now()
        )

    def git_credentials(self) -> Credentials | None:
        """What the project's repository is read and pushed with, or None for anonymous access."""
        return git_credentials(
            self.installation,
            self.connection,
            self.project.repository,
            folder=self.folder,
            environ=self.environ,
            now=self.now(),
        )

    def egress(self) -> Egress:
        """The one way out to addresses that somebody else wrote down. Raises `Stalled` E-EGR-006 when the file of
        certificates that the server configuration names cannot be used."""
        return egress_of(self.installation, folder=self.folder, environ=self.environ)

    def sealing_keys(self, environment: str) -> Mapping[str, PrivateKey]:
        """The private keys that open what is sealed for an environment, by key id; none when none is named.

        There are two while a key is replaced. Raises `Stalled` when one that is named cannot be loaded.
        """
        keys = [
            load_sealing_key(uri, folder=self.folder, environ=self.environ)
            for name, uri in self.project.sealing_keys
            if name == environment
        ]
        return {key_id(bytes(key.public_key)): key for key in keys}


def egress_of(installation: Installation, *, folder: Path, environ: Mapping[str, str]) -> Egress:
    """The way out that the server configuration allows. Raises `Stalled` E-EGR-006."""
    rules = installation.egress
    trust = "" if rules.trust is None else _certificates(rules.trust, folder, environ)
    return Egress(tuple(ip_network(text) for text in rules.allow), trust)


def credentials_of(
    installation: Installation,
    connection: Connection | None,
    *,
    folder: Path,
    environ: Mapping[str, str],
    now: datetime,
) -> Credentials | None:
    """The user and token that a forge connection names, or None for anonymous access. Raises `Stalled`, and for an App
    as `Tokens.token`."""
    app = connection.app if connection is not None else None
    if connection is not None and app is not None:
        token = TOKENS.token(
            connection.api or FORGES[connection.forge].api,
            app.id,
            app.installation,
            key=lambda: load_secret(app.key, folder=folder, environ=environ),
            egress=egress_of(installation, folder=folder, environ=environ),
            now=now,
        )
        return Credentials(user=APP_USER, token=token, expired=partial(TOKENS.forget, token))
    if connection is None or connection.credentials is None:
        return None
    secret = load_secret(connection.credentials, folder=folder, environ=environ).decode()
    user, _, token = secret.partition(":")
    return Credentials(user=user, token=token)


def git_credentials(
    installation: Installation,
    connection: Connection | None,
    url: str,
    *,
    folder: Path,
    environ: Mapping[str, str],
    now: datetime,
) -> Credentials | None:
    """What a repository is read and pushed with: over ssh the connection's key and the hosts that it pins, otherwise as
    `credentials_of`. Without an ssh block no host is trusted."""
    if not is_ssh(url):
        return credentials_of(installation, connection, folder=folder, environ=environ, now=now)
    ssh = connection.ssh if connection is not None else None
    if ssh is None:
        raise Stalled(
            "E-GIT-031",
            f"{shown(url)} is reached over ssh, and its connection has no ssh block",
            cure="Give the connection in control-plane.kdl `ssh` with a key and known-hosts",
        )
    key = load_secret(ssh.key, folder=folder, environ=environ)
    try:
        return Credentials(user=SSH_USER, token=key.decode("ascii"), known_hosts=ssh.known_hosts)
    except UnicodeDecodeError:
        raise Stalled(
            "E-GIT-032", f"the private key at {ssh.key} cannot be used: it is no text", cure=PRIVATE_KEY_CURE
        ) from None


def _certificates(uri: str, folder: Path, environ: Mapping[str, str]) -> str:
    scheme, _, rest = uri.partition(":")
    try:
        text = environ[rest] if scheme == "env" else (folder / rest).read_text("ascii")
        ssl.create_default_context().load_verify_locations(cadata=text)
    except (KeyError, OSError, ValueError) as error:
        raise Stalled(
            "E-EGR-006",
            f"the certificates at {uri}, which egress shall believe, cannot be used: {type(error).__name__}",
            cure="Put PEM there, or remove `trust` from control-plane.kdl",
        ) from None
    return text


def load_installation(settings: Settings) -> Installation:
    """Read the server configuration. Raises `Stalled` that names each finding with its place."""
    try:
        content = settings.config_file.read_bytes()
    except FileNotFoundError:
        raise Stalled(
            "E-SET-004",
            f"there is no server configuration at {settings.config_file}",
            cure="Write it, or set SENTINEL_CONFIG to where it is; docs/installation.md has an example",
        ) from None
    installation, findings = read_installation(content, settings.config_file.name)
    if installation is None:
        lines = "; ".join(str(finding) for finding in findings)
        raise Stalled("E-SET-005", f"the server configuration has mistakes: {lines}", cure="Correct the file")
    return installation


def open_context(
    settings: Settings,
    installation: Installation,
    organization: str,
    project: str,
    environ: Mapping[str, str],
) -> Context:
    """The context of one project, looked up through its organization. Raises `Stalled` when there is none."""
    found = installation.project(project)
    owner = next((o for o in installation.organizations if o.slug == organization), None)
    if found is None or owner is None or found.organization != organization:
        raise Stalled(
            "E-SET-006",
            f"the server configuration has no project '{project}' in an organization '{organization}'",
            cure="Add it to control-plane.kdl",
        )
    return Context(
        settings=settings,
        installation=installation,
        organization=owner,
        project=found,
        environ=environ,
        store=open_store(settings),
    )
