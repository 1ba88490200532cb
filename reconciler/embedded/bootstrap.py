"""Makes what an embedded system needs before its processes start. Every step may run again and changes nothing then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler import clock
from reconciler.db.joining import create_join_token
from reconciler.db.migrate import migrate
from reconciler.db.owed import ask
from reconciler.db.session import connect, writing
from reconciler.embedded.gitserver import create_repository
from reconciler.embedded.layout import Layout
from reconciler.embedded.template import template_files
from reconciler.flows.founding import (
    configuration,
    found_root,
    write_keys,
    write_private,
    write_sealing_keys,
)
from reconciler.flows.founding_repository import founded
from reconciler.flows.noting import note_root
from reconciler.flows.roots import publish_root, stored_versions
from reconciler.git.mirror import Mirror
from reconciler.git.writing import Identity, commit_edit
from reconciler.settings import Settings
from reconciler.store.choose import open_store

ORGANIZATION = "acme"
PROJECT = "shop"
CONNECTION = "origin"
ENVIRONMENTS = ("dev", "staging", "production")

AUTHOR = Identity("Ada Operator", "ada@example.com")
FIRST_COMMIT_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""The first commit has the same date on every machine. Its id is another each time, for secrets are made anew."""


def bootstrap(layout: Layout, settings: Settings) -> None:
    """Make keys, server configuration, repository, tables and join tokens, as far as they are missing."""
    public_keys = _configuration(layout)
    layout.queue.mkdir(exist_ok=True)
    _repository(layout, public_keys)
    migrate(settings)
    connect(settings)
    _root(layout, settings)
    _join_tokens(layout)
    with writing():
        ask(ORGANIZATION, PROJECT, "trunk", now=clock.now())


def repository_path(layout: Layout) -> Path:
    """The bare repository that the embedded git server serves."""
    return layout.repositories / f"{PROJECT}.git"


def _configuration(layout: Layout) -> dict[str, bytes]:
    """The public sealing key of each environment."""
    write_keys(layout.home)
    public_keys = write_sealing_keys(layout.home, PROJECT, ENVIRONMENTS)
    if not layout.config_file.exists():
        repository = f"{layout.url('git')}/{PROJECT}.git"
        layout.config_file.write_bytes(
            configuration(ORGANIZATION, PROJECT, repository, "main", CONNECTION, ENVIRONMENTS)
        )
    return public_keys


def _root(layout: Layout, settings: Settings) -> None:
    store = open_store(settings)
    if not stored_versions(store, ORGANIZATION):
        publish_root(store, ORGANIZATION, found_root(ORGANIZATION, layout.home, clock.now()), now=clock.now())
    note_root(store, ORGANIZATION, [PROJECT], now=clock.now())


def _repository(layout: Layout, public_keys: Mapping[str, bytes]) -> None:
    layout.repositories.mkdir(exist_ok=True)
    path = repository_path(layout)
    if path.exists():
        return
    unfinished = path.with_suffix(".new")
    create_repository(
        unfinished,
        webhook_url=f"{layout.url('webhooks')}/webhooks/github/{CONNECTION}",
        secret_file=layout.keys / "webhook.secret",
        clone_url=f"{layout.url('git')}/{PROJECT}.git",
    )
    mirror = Mirror.open(unfinished, f"{layout.url('git')}/{PROJECT}.git", None)
    sha = commit_edit(
        mirror,
        None,
        founded(template_files(), PROJECT, public_keys, today=clock.now().date()),
        message="Start the shop from the template\n",
        author=AUTHOR,
        committer=replace(AUTHOR),
        when=FIRST_COMMIT_AT,
        key=None,
    )
    mirror.repository.references.create("refs/heads/main", sha)
    unfinished.rename(path)


def _join_tokens(layout: Layout) -> None:
    layout.join_tokens.mkdir(exist_ok=True, mode=0o700)
    for environment in ENVIRONMENTS:
        path = layout.join_tokens / environment
        if path.exists():
            continue
        token = create_join_token(
            ORGANIZATION,
            PROJECT,
            environment,
            note="embedded fleet",
            now=clock.now(),
            uses=None,
            expires_at=None,
        )
        write_private(path, token + "\n")
