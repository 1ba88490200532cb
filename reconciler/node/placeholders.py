"""Placeholders in what the compiler wrote: `"${secret:NAME}"`, `"${secret-file:NAME}"` and `"${bundle:PATH}"`.

One stands for a whole string, written plainly, or not at all. In the proxy's KDL and in agents' JSON it is replaced by
an escaped string, so that no value can end its string; in any other file, as a part of a longer string or as a key it
is a refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.errors import Refused

_OPENING = re.compile(r"\$\{(?:secret|secret-file|bundle):")
_WHOLE = re.compile(r"\$\{(secret|secret-file|bundle):([A-Za-z0-9_@+./-]{1,255})\}")
_KDL = re.compile(
    r'//[^\n\r\x85\u2028\u2029]*|/\*|(?P<hashes>\#+)(?P<raw>"""|")|"""|"(?:[^"\\]|\\.)*"', re.DOTALL
)
_COMMENT = re.compile(r"/\*|\*/")
_MULTILINE = re.compile(r'(?:[^"\\]|\\.|"(?!""))*"""', re.DOTALL)
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?')


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`kind` is `secret`, `secret-file` or `bundle`; `name` is a secret's name, or a path in the bundle."""

    kind: str
    name: str


Replace = Callable[[Placeholder], str]


def find(path: str, content: bytes) -> tuple[Placeholder, ...]:
    """The placeholders of a file, in their order. Raises `Refused` (E-NOD-052)."""
    found: list[Placeholder] = []

    def note(placeholder: Placeholder) -> str:
        found.append(placeholder)
        return ""

    fill(path, content, note)
    return tuple(found)


def fill(path: str, content: bytes, replace: Replace) -> bytes:
    """The file with every placeholder replaced by what `replace` answers. Raises `Refused` (E-NOD-052)."""
    text = content.decode("utf-8", "surrogateescape")
    if _OPENING.search(text) is None:
        return content
    if path.endswith(".kdl"):
        parts = _kdl(path, text, replace)
    elif path.endswith(".json"):
        parts = _json(path, text, replace)
    else:
        raise _refusal(path, "it is neither KDL nor JSON")
    return "".join(parts).encode("utf-8", "surrogateescape")


def _kdl(path: str, text: str, replace: Replace) -> Iterator[str]:
    position = 0
    while (match := _KDL.search(text, position)) is not None:
        yield text[position : match.start()]
        end = _end_of(path, text, match)
        token, position = text[match.start() : end], end
        if not token.startswith("/") and _OPENING.search(token):
            yield _kdl_string(replace(_whole(path, token[1:-1] if match[0] == token else "")))
        else:
            yield token
    yield text[position:]


def _end_of(path: str, text: str, match: re.Match[str]) -> int:
    """Where the comment or string ends that begins with `match`."""
    if match[0] == "/*":
        return _end_of_comment(path, text, match.end())
    if match["raw"]:
        end = text.find(match["raw"] + match["hashes"], match.end())
        return _known(path, end) + len(match["raw"] + match["hashes"])
    if match[0] == '"""':
        inner = _MULTILINE.match(text, match.end())
        return _known(path, inner.end() if inner is not None else -1)
    return match.end()


def _end_of_comment(path: str, text: str, position: int) -> int:
    depth = 1
    for mark in _COMMENT.finditer(text, position):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return _known(path, -1)


def _known(path: str, position: int) -> int:
    if position < 0:
        raise _refusal(path, "a string or comment in it does not end")
    return position


def _kdl_string(text: str) -> str:
    return '"' + re.sub(r'[^ -~]|["\\]', lambda match: f"\\u{{{ord(match[0]):x}}}", text) + '"'


def _json(path: str, text: str, replace: Replace) -> Iterator[str]:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise _refusal(path, "it is not JSON") from None
    position = 0
    for match in _JSON.finditer(text):
        token = match[0] if match[1] is None else match[0][: -len(match[1])]
        if _OPENING.search(token) is None:
            continue
        yield text[position : match.start()]
        yield json.dumps(replace(_whole(path, token[1:-1] if match[1] is None else "")))
        position = match.end()
    yield text[position:]


def _whole(path: str, string: str) -> Placeholder:
    match = _WHOLE.fullmatch(string)
    if match is None:
        raise _refusal(path, "one in it is not a whole plain string, or names nothing that could be")
    return Placeholder(match[1], match[2])


def _refusal(path: str, words: str) -> Refused:
    return Refused("E-NOD-052", f"'{path}' holds a placeholder that cannot be replaced: {words}")
