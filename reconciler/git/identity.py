"""Who writes a commit, and what a forge is told to let us in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and its token. For ssh the token may be a private key in OpenSSH or PEM form.

    `known_hosts` are the lines that say which hosts are trusted for ssh, in the form of OpenSSH's file of that name;
    None leaves it to the file of the user that runs the process. `expired` is called when the token was refused, where
    another can be had. The token never appears in a `repr`.
    """

    user: str
    token: str = field(repr=False)
    known_hosts: tuple[str, ...] | None = None
    expired: Callable[[], None] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Author or committer of a commit, such as `Identity("Ada Operator", "ada@example.com")`."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"
