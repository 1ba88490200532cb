"""Types of header fields. Source: RFC 9110 section 5, RFC 9112 for those that frame a message."""

from __future__ import annotations

from reconciler.config.characters import shown
from reconciler.config.report import Problem
from reconciler.config.values import Pattern

FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that say where a message ends or whom it is for: changing them makes two servers read one request as two."""


def _check_name(name: str) -> Problem | None:
    if name.lower() in FRAMING:
        hint = "the proxy sets it; a changed one lets requests be smuggled"
        return Problem("E-VAL-004", f"the header {shown(name)} may not be changed", "another header", hint)
    return None


HEADER_NAME = Pattern(
    name="header name",
    pattern=r"[A-Za-z0-9!#$%&'*+.^_`|~-]+",
    expected="the name of a header that may be changed, such as 'X-Request-Source'",
    hint="write the name alone, without a colon",
    maximum=128,
    check=_check_name,
)

HEADER_VALUE = Pattern(
    name="header value",
    pattern=r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?",
    expected="printable ASCII characters, without spaces at the ends",
    hint="encode other characters as the header's own rules say",
    maximum=4096,
)
