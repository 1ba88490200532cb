"""How a signed document names the sealed value that it means: by its version and by what its bytes are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pinned:
    """One sealed value of a secret: its version, and the SHA-256 in hex of VALUE, which is nonce, ciphertext and tag.

    Wrapping the data key again leaves both as they are.
    """

    version: int
    sha256: str

    @classmethod
    def of(cls, version: int, value: bytes) -> Pinned:
        """What names these bytes of VALUE."""
        return cls(version, hashlib.sha256(value).hexdigest())

    def names(self, value: bytes) -> bool:
        """Whether these bytes of VALUE are the ones that are meant."""
        return hashlib.sha256(value).hexdigest() == self.sha256

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"version": self.version, "sha256": self.sha256}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pinned:
        """What `to_json` gave. Raises KeyError, TypeError and ValueError for anything else."""
        version, sha256 = data["version"], data["sha256"]
        if type(version) is not int or not isinstance(sha256, str) or len(data) != 2:
            raise ValueError("a sealed value is named by a version and a SHA-256, and by nothing else")
        return cls(version, sha256)
