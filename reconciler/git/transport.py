"""What libgit2 asks while it talks to a forge, and the one place that turns its errors into ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import ConfigLevel, CredentialType

from reconciler.errors import ReconcilerError, Stalled, Transient
from reconciler.git.hosts import trusted_hosts
from reconciler.git.identity import Credentials
from reconciler.git.ssh_private import check_private_key
from reconciler.git.url import is_ssh, shown

if TYPE_CHECKING:
    from pygit2.remotes import TransferProgress

CONNECT_MILLISECONDS = 5_000
ANSWER_MILLISECONDS = 30_000
"""How long one read from the forge may take; a big push to a slow forge is many reads."""

MAX_RECEIVED_BYTES = 1024 * 1024 * 1024
"""A configuration repository is text; one fetch beyond this is a mistake or an attack."""

MAX_OBJECTS = 5_000_000
MAX_WORDS = 600
"""How many characters of the forge's words are repeated to a person."""

CREDENTIAL_ANSWERS = 1
"""libgit2 asks again and again after a wrong password; the second question already means that it was refused."""

ERROR_CLASSES = {
    1: "memory", 2: "the system", 4: "a reference", 9: "the object store", 12: "the network", 15: "the pack",
    16: "TLS", 23: "ssh", 34: "HTTP",
}  # fmt: skip


def prepare_process() -> None:
    """Set what libgit2 keeps for a whole process: time-outs, and that no configuration of a user or system counts.

    A user's `url.….insteadOf` would otherwise rewrite a URL after it passed the allow-list.
    """
    pygit2.settings.server_connect_timeout = CONNECT_MILLISECONDS
    pygit2.settings.server_timeout = ANSWER_MILLISECONDS
    for level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""


class Callbacks(pygit2.RemoteCallbacks):
    """One conversation with a forge: answers once with credentials, trusts only what is known, listens to its words."""

    def __init__(self, url: str, credentials: Credentials | None) -> None:
        super().__init__()
        self._url = url
        self._secret = credentials
        self._answers = 0
        self._said: list[str] = []

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.UserPass | pygit2.Keypair | pygit2.Username:
        """Called by libgit2 whenever the forge wants to know who we are."""
        user = self._secret.user if self._secret is not None else username_from_url or "git"
        if allowed_types & CredentialType.USERNAME and not allowed_types & CredentialType.USERPASS_PLAINTEXT:
            return pygit2.Username(username_from_url or user)
        self._answers += 1
        if self._answers > CREDENTIAL_ANSWERS:
            if self._secret is not None and self._secret.expired is not None:
                self._secret.expired()
            raise Stalled(
                "E-GIT-003",
                f"{shown(self._url)} refused the credentials",
                cure="Check user, token and its rights, and correct the connection's credentials",
            )
        if is_ssh(self._url):
            return self._ssh(username_from_url or user)
        if self._secret is None:
            raise Stalled(
                "E-GIT-004",
                f"{shown(self._url)} asks for credentials, and there are none",
                cure="Name them in the connection's credentials",
            )
        return pygit2.UserPass(self._secret.user, self._secret.token)

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        """Trust what TLS or known_hosts trusts. Without this method libgit2's binding takes any ssh host key.

        It is called before we say who we are, so a wrong host learns nothing.
        """
        pinned = self._secret.known_hosts if self._secret is not None and is_ssh(self._url) else None
        if valid or pinned is None:
            return valid
        raise Stalled(
            "E-GIT-030",
            f"the key that {shown(self._url)} shows is none of those that are pinned for it; nothing was said to it",
            cure="Ask the owner of the host whether its key has changed; if so, add the new one to `known-hosts` of "
            "the connection, else somebody stands between",
        )

    def sideband_progress(self, string: str) -> None:
        """The forge's words, such as what a hook printed."""
        if sum(map(len, self._said)) < 10 * MAX_WORDS:
            self._said.append(string)

    def transfer_progress(self, stats: TransferProgress) -> None:
        """Stop a fetch that is larger than any configuration repository."""
        if stats.received_bytes > MAX_RECEIVED_BYTES or stats.total_objects > MAX_OBJECTS:
            raise Stalled(
                "E-GIT-007",
                f"{shown(self._url)} sends more than {MAX_RECEIVED_BYTES >> 20} MiB or {MAX_OBJECTS} objects",
                cure="Keep large files out of the configuration repository",
            )

    @property
    def words(self) -> str:
        """What the forge said, fit for a message; empty when it said nothing."""
        return sanitise("".join(self._said))

    def _ssh(self, user: str) -> pygit2.Keypair:
        if self._secret is not None and (
            self._secret.known_hosts is not None or self._secret.token.startswith("-----BEGIN")
        ):
            check_private_key(self._secret.token)
            return pygit2.KeypairFromMemory(user, "", self._secret.token, "")
        return pygit2.KeypairFromAgent(user)


def sanitise(text: str) -> str:
    """Words of a forge on one line, without control characters and without end, for a message to a person."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    lines = [re.sub(r"^(remote|error): ?", "", " ".join(line.split())) for line in re.split(r"[\r\n]+", text)]
    joined = " / ".join(line for line in lines if line)
    clean = "".join(character for character in joined if character.isprintable())
    return clean if len(clean) <= MAX_WORDS else clean[: MAX_WORDS - 1] + "…"


@contextmanager
def conversation(doing: str, url: str, credentials: Credentials | None) -> Iterator[None]:
    """Talk to the forge in the block: only hosts that are trusted are believed, and every error of libgit2 becomes one
    of ours. `doing` is such as 'fetching from'."""
    try:
        with trusted_hosts(url, credentials):
            yield
    except (pygit2.GitError, OSError) as error:
        raise translate(error, doing, url) from error


def translate(error: Exception, doing: str, url: str) -> ReconcilerError:
    """What an error of libgit2 in a conversation with a forge means, by its class and never by its text.

    Credentials and certificates need a person: `Stalled`. All else may pass: `Transient`, with libgit2's words, which
    never contain a secret because no URL given to it does.
    """
    where = f"{doing} {shown(url)}"
    if isinstance(error, pygit2.AuthError):
        return Stalled(
            "E-GIT-003",
            f"{where}: the credentials were refused",
            cure="Check user, token and its rights, and correct the connection's credentials",
        )
    if isinstance(error, pygit2.CertificateError):
        return Stalled(
            "E-GIT-005",
            f"{where}: the server's TLS certificate or ssh host key is not trusted",
            cure="Install the authority's certificate, or put the host key into the worker's ~/.ssh/known_hosts",
        )
    cause = ERROR_CLASSES.get(getattr(error, "error_class", 0), "git")
    return Transient("E-GIT-006", f"{where} failed in {cause}: {sanitise(str(error))}")
