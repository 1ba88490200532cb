"""What the server configuration says about nodes, read again whenever the file changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.config.installation import read_installation
from reconciler.errors import Stalled


@dataclass(slots=True)
class Rules:
    """A file with mistakes leaves the last good one in force. Without a file nothing is forbidden."""

    path: Path
    tokens_only: frozenset[str] = frozenset()
    """Slugs of projects that take keys for tokens alone."""
    _seen: tuple[int, int] | None = None
    _read: bool = False

    def look(self) -> None:
        """Read the file if it is another one. Raises `Stalled` (E-NAP-020) when no good one was ever read: what is
        forbidden must not be allowed by a mistake."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._seen and self._read:
                return None
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._fail(f"{self.path} cannot be read: {error.strerror}")
        installation, findings = read_installation(content, self.path.name)
        if installation is None:
            return self._fail(f"{self.path.name} has mistakes: {'; '.join(map(str, findings))[:500]}")
        self._seen, self._read = stamp, True
        self.tokens_only = frozenset(
            project.slug
            for organization in installation.organizations
            for project in organization.projects
            if project.node_credentials == "token"
        )
        return None

    def _fail(self, words: str) -> None:
        if not self._read:
            raise Stalled(
                "E-NAP-020", words, cure="Correct the file; 'sentinelctl validate' names every mistake"
            )
