"""Types of values beside which a credential could be written: they take the name of a secret and never echo a value.

`"${secret:NAME}"` stands for a whole string. Nothing here repeats a refused value in a message, because the value may
be the very credential that somebody meant to protect.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.values import Json

_PLACEHOLDER = re.compile(r"\$\{secret:([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\}")
_URL = re.compile(
    r"https://(?P<user>[^/?#@]*@)?(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][\x21\x23-\x7e]*)?"
)
WRAPPED_KEY = 80
"""Bytes of a 32-byte data key sealed to an X25519 public key: 32 of the ephemeral key, 16 of the tag, 32 of the key."""

NONCE_AND_TAG = 28
"""Bytes that AES-256-GCM adds to a value: 12 of the nonce in front, 16 of the tag behind."""

LONGEST_SECRET = 64 * 1024


def secret_named(text: object) -> str | None:
    """The name in `"${secret:NAME}"`, or None when the text is anything else."""
    match = _PLACEHOLDER.fullmatch(text) if isinstance(text, str) else None
    return match[1] if match else None


def secret_used(text: object) -> str | None:
    """The name in `"${secret:NAME}"` or `"${secret-file:NAME}"`, both of which a node replaces; else None."""
    plain = text.replace("${secret-file:", "${secret:", 1) if isinstance(text, str) else text
    return secret_named(plain)


def may_name_secrets(text: str) -> bool:
    """Whether a file may hold one of the two, perhaps written with escapes."""
    return "${secret" in text or "\\" in text


@dataclass(frozen=True, slots=True)
class Credential:
    """A whole string `"${secret:NAME}"`. That the secret exists is checked when the whole tree is known."""

    what: str = "a credential"
    name: str = "secret"
    expected: str = '"${secret:NAME}", the name of a secret'

    def read(self, value: KdlValue) -> Json | Problem:
        if secret_named(value) is not None:
            return value
        code = "E-VAL-004" if isinstance(value, str) else "E-VAL-001"
        hint = "add a secret resource and write its name here"
        if isinstance(value, str) and not value.startswith("${"):
            code = "E-VAL-020"
            hint += "; if this was a real one, revoke it, for it stays in the history"
        return Problem(code, f"{self.what} stands here otherwise than by name", self.expected, hint)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_PLACEHOLDER.pattern}$"}


@dataclass(frozen=True, slots=True)
class HttpsUrl:
    """An https URL without user and password, or the name of a secret that holds one."""

    secret: bool = False
    maximum: int = 2000
    name: str = "https URL"

    @property
    def expected(self) -> str:
        return "an https URL without user and password" + (', or "${secret:NAME}"' if self.secret else "")

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return Problem("E-VAL-001", "the value has the wrong type", self.expected, "put a URL in quotes")
        if self.secret and secret_named(value) is not None:
            return value
        match = _URL.fullmatch(value) if len(value) <= self.maximum else None
        if match is not None and match["user"] is not None:
            return Problem(
                "E-VAL-020",
                "the URL holds a user or a password",
                self.expected,
                "take it out; a header or a secret is the place for credentials",
            )
        if match is not None and match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
            return Problem(
                "E-VAL-003", f"the port {match['port']} is out of range", "1 to 65535", "correct it"
            )
        if match is None:
            hint = "write it like https://host/path"
            if value.lower().startswith("http:"):
                hint = "write https://…; nothing is sent without TLS"
            scheme = value.split(":", 1)[0] if re.match(r"[A-Za-z]{1,12}:", value) else ""
            seen = f" (it begins with {shown(scheme + ':')})" if scheme and scheme != "https" else ""
            return Problem("E-VAL-004", f"the value is not an https URL{seen}", self.expected, hint)
        return value

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "maxLength": self.maximum}
        pattern = "https://[^@]+"
        return {
            **schema,
            "pattern": f"^(?:{pattern}|{_PLACEHOLDER.pattern})$" if self.secret else f"^{pattern}$",
        }


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value sealed for one environment: `v1.KEY.WRAPPED.VALUE`.

    KEY is the first 16 hex digits of the SHA-256 of the environment's public key. WRAPPED and VALUE are base64url
    without padding: the wrapped data key, and nonce, ciphertext and tag. Its form is all that is looked at here:
    nothing that reads a repository has the key.
    """

    name: str = "sealed value"
    expected: str = "v1.KEY.WRAPPED.VALUE, as it was printed when the value was sealed"

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return Problem("E-VAL-001", "the value has the wrong type", self.expected, "put it in quotes")
        trouble = _sealed_trouble(value)
        if trouble is None:
            return value
        hint = "paste it whole, on one line"
        if not value.startswith("v1."):
            hint = (
                "seal the value first; if this was the value itself, change it, for it stays in the history"
            )
            return Problem("E-VAL-020", "the value is not sealed", self.expected, hint)
        return Problem("E-VAL-004", f"the sealed value {trouble}", self.expected, hint)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^v1\.[0-9a-f]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"}


def sealed_content(text: str) -> bytes:
    """VALUE of a sealed value that was read: nonce, ciphertext and tag."""
    content = _decoded(text.rpartition(".")[2])
    if content is None:
        raise ValueError("this is no sealed value that was read")
    return content


def _sealed_trouble(value: str) -> str | None:
    """What is wrong with a sealed value's form; it is never the value itself."""
    parts = value.split(".")
    if len(parts) != 4:
        return f"has {len(parts)} parts instead of four"
    version, key, wrapped, content = parts
    if version != "v1":
        return "is of no form that is known"
    if re.fullmatch("[0-9a-f]{16}", key) is None:
        return "does not name its key by 16 hex digits"
    if len(content) > LONGEST_SECRET * 2:
        return f"is longer than {LONGEST_SECRET} bytes"
    if len(_decoded(wrapped) or b"") != WRAPPED_KEY:
        return "has a wrapped key of the wrong length"
    length = len(_decoded(content) or b"")
    if length <= NONCE_AND_TAG:
        return "is cut short or holds other characters than base64url's"
    return f"is longer than {LONGEST_SECRET} bytes" if length - NONCE_AND_TAG > LONGEST_SECRET else None


def _decoded(text: str) -> bytes | None:
    if re.fullmatch("[A-Za-z0-9_-]+", text) is None or len(text) % 4 == 1:
        return None
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    # Bits behind the last byte could be anything, and then one value would have several written forms.
    canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == text
    return decoded if canonical else None
