"""Who calls a verb, for which repository, and with which credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.errors import Stalled
from reconciler.git.identity import Credentials, Identity
from reconciler.git.url import check_url

AUTHOR = re.compile(r"\s*([^<>]+?)\s*<([^<>\s]+)>\s*")
USER_INFORMATION = re.compile(r"(https?://)([^/@:]*)(?::([^/]*))?@(.*)")


@dataclass(frozen=True, slots=True)
class Caller:
    """Everything a verb needs to know of the person who calls it.

    `path` is the project's folder on trunk; `signing_key` the file of the SSH key that git signs with, or None.
    """

    url: str
    credentials: Credentials | None
    branch_prefix: str
    trunk: str
    author: Identity
    path: str = ""
    signing_key: str | None = None


def find_caller(
    folder: Path,
    environ: Mapping[str, str],
    *,
    repository: str | None,
    branch_prefix: str,
    trunk: str,
    author: str | None,
    user: str | None,
    token_variable: str | None,
    path: str = "",
) -> Caller:
    """Complete the options of a verb with what the clone around `folder` and git's configuration say.

    Must be called before a mirror is opened: from then on no git configuration of a user counts. Raises `Stalled` when
    repository or author are nowhere to be found, or the token's variable is empty, and `Refused` when the URL is not
    allowed.
    """
    clone = _clone(folder)
    written = repository if repository is not None else _origin(clone)
    url, found = _separate(written)
    check_url(url)
    return Caller(
        url=url,
        credentials=_credentials(user, token_variable, environ) or found,
        branch_prefix=branch_prefix,
        trunk=trunk,
        author=_author(author, clone, environ),
        path=path,
        signing_key=_signing_key(clone),
    )


def _clone(folder: Path) -> pygit2.Repository | None:
    path = pygit2.discover_repository(str(folder))
    return pygit2.Repository(path) if path is not None else None


def _origin(clone: pygit2.Repository | None) -> str:
    if clone is not None and "origin" in list(clone.remotes.names()):
        url = clone.remotes["origin"].url
        if url:
            return url
    raise Stalled(
        "E-GIT-201",
        "no repository: this folder is not in a clone that has a remote 'origin'",
        cure="Run it inside a clone of the configuration repository, or give --repository URL",
    )


def _separate(url: str) -> tuple[str, Credentials | None]:
    # A clone's origin often carries its user, sometimes its token. libgit2 gets them apart from the URL.
    match = USER_INFORMATION.fullmatch(url)
    if match is None:
        return url, None
    credentials = Credentials(match[2], match[3]) if match[2] and match[3] else None
    return match[1] + match[4], credentials


def _credentials(
    user: str | None, token_variable: str | None, environ: Mapping[str, str]
) -> Credentials | None:
    if token_variable is None:
        return None
    token = environ.get(token_variable, "")
    if not token:
        raise Stalled(
            "E-GIT-202",
            f"the environment variable {token_variable} is empty",
            cure="Put the token into it, or drop --token-env",
        )
    return Credentials(user or "git", token)


def _author(text: str | None, clone: pygit2.Repository | None, environ: Mapping[str, str]) -> Identity:
    if text is not None:
        match = AUTHOR.fullmatch(text)
        if match is None:
            raise Stalled(
                "E-GIT-203", f"'{text}' is not an author", cure='Write --author "Name <mail@example.com>"'
            )
        return Identity(match[1], match[2])
    name = environ.get("GIT_AUTHOR_NAME") or _configured(clone, "user.name")
    email = environ.get("GIT_AUTHOR_EMAIL") or _configured(clone, "user.email")
    if not name or not email:
        raise Stalled(
            "E-GIT-203",
            "git does not know who you are, and every change of an environment is signed by a name",
            cure='Set git config user.name and user.email, or give --author "Name <mail@example.com>"',
        )
    return Identity(name, email)


def _signing_key(clone: pygit2.Repository | None) -> str | None:
    """The file of the key that git signs with by ssh, or None. A key that stands there itself is no file."""
    if _configured(clone, "gpg.format") != "ssh":
        return None
    key = _configured(clone, "user.signingkey")
    return key if key and not key.startswith(("ssh-", "key::")) else None


def _configured(clone: pygit2.Repository | None, name: str) -> str | None:
    try:
        config = clone.config if clone is not None else pygit2.Config.get_global_config()
        return config[name]
    except (KeyError, OSError):
        return None
