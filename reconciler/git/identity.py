"""Who writes a commit, and what a forge is told to let us in."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and its token. For ssh the token may be a private key in OpenSSH or PEM form.

    The token never appears in a `repr`.
    """

    user: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Author or committer of a commit, such as `Identity("Ada Operator", "ada@example.com")`."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"
