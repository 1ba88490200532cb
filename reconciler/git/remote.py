"""What a forge has right now, without fetching anything: the sweep's question."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from reconciler.git.identity import Credentials
from reconciler.git.mirror import heads
from reconciler.git.transport import Callbacks, conversation, prepare_process
from reconciler.git.url import check_url


def remote_refs(url: str, credentials: Credentials | None) -> dict[str, str]:
    """Every branch of the repository: full reference name to commit id, sorted by name (`git ls-remote --heads`).

    Raises `Refused` when `url` is not allowed, `Transient` when the forge cannot be reached, `Stalled` when it
    refuses us.
    """
    check_url(url)
    prepare_process()
    with TemporaryDirectory(prefix="sentinel-ls-") as folder, conversation("listing", url, credentials):
        # libgit2 follows redirects unless the configuration of a repository forbids it.
        repository = pygit2.init_repository(str(Path(folder) / "r.git"), bare=True)
        repository.config["http.followRedirects"] = False
        remote = repository.remotes.create_anonymous(url)
        remote.connect(callbacks=Callbacks(url, credentials))
        return heads(remote, url)
