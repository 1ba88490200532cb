"""Canonical layout of a file, with its comments: what `sentinelctl fmt` writes.

Four spaces a level, one node a line, one space between values, at most one empty line; names without needless quotes,
strings in quotes. Order stays as it is, because people put things in an order that tells something.
"""

from __future__ import annotations

import re

import ckdl

from reconciler.config.scan import Token, tokens
from reconciler.config.write import INDENT, write_name, write_string

_NUMBER = re.compile(r"[+-]?[0-9]")
_EQUALS = re.compile(r"[ \t]*=")


def format_text(text: str) -> str:
    """The text in canonical layout. It has to be text that `parse_file` accepts; formatting twice changes nothing."""
    writer = _Writer(text)
    for token in tokens(text.removeprefix("\ufeff")):
        writer.take(token)
    return writer.finished()


class _Writer:
    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.lines: list[str] = []
        self.line = ""
        self.depth = 0
        self.node = False
        """Whether a node has begun that is not ended yet."""
        self.breaks = 0
        """Line breaks since the last thing that was written."""
        self.tight = False
        """Whether the next thing follows without a space: after /- and =."""
        self.continued = False

    def finished(self) -> str:
        self.end_line()
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def end_line(self) -> None:
        if self.line:
            self.lines.append(self.line.rstrip())
        self.line = ""
        self.node = False
        self.tight = False
        self.continued = False

    def begin(self) -> None:
        """Starts a line if none is begun, keeping one empty line where there were some."""
        if not self.line:
            if self.breaks > 1 and self.lines and self.lines[-1] and not self.lines[-1].endswith("{"):
                self.lines.append("")
            self.line = INDENT * (self.depth + (1 if self.continued else 0))
            self.continued = False
        elif not self.tight:
            self.line += " "
        self.tight = False
        self.breaks = 0

    def take(self, token: Token) -> None:
        raw = self.text[token.start : token.end]
        kind = token.kind
        if kind == "space":
            return
        if kind == "newline":
            if self.tight and self.line:
                return
            self.end_line()
            self.breaks += 1
        elif kind == ";":
            self.end_line()
            self.breaks = max(self.breaks, 1)
        elif kind == "comment":
            self.comment(raw)
        elif kind == "continuation":
            # The break stands where it stood; what follows is indented once more.
            self.begin()
            self.lines.append(self.line + "\\")
            self.line = ""
            self.continued = True
        elif kind == "slashdash":
            self.begin()
            self.line += raw
            self.tight = True
        elif kind == "{":
            self.begin()
            self.lines.append(self.line + "{")
            self.line, self.node = "", False
            self.depth += 1
            self.breaks = 0
        elif kind == "}":
            self.end_line()
            while self.lines and not self.lines[-1]:
                self.lines.pop()
            self.depth -= 1
            self.breaks = 0
            self.begin()
            self.line += "}"
            self.node = True
        elif kind == "=":
            self.line += "="
            self.tight = True
        else:
            self.begin()
            self.line += self.word(raw, kind, is_name=not self.node or self.is_key(token))
            self.node = True

    def comment(self, raw: str) -> None:
        """A comment behind a node stays behind it; one on a line of its own stays there."""
        same_line = not self.line and self.breaks == 0 and self.lines and raw.startswith("//")
        if same_line and self.lines[-1] and not self.lines[-1].lstrip().startswith("//"):
            self.lines[-1] += f" {raw.rstrip()}"
            return
        was_node, was_tight = self.node, self.tight
        self.begin()
        self.line += raw.rstrip()
        self.node, self.tight = was_node, False
        if was_tight and raw.startswith("//"):
            self.end_line()

    def is_key(self, token: Token) -> bool:
        return _EQUALS.match(self.text, token.end) is not None

    def word(self, raw: str, kind: str, *, is_name: bool) -> str:
        if kind == "keyword" or (kind == "word" and not is_name and _NUMBER.match(raw)):
            return raw
        if is_name:
            name = str(ckdl.parse(f"- {raw}", version=2).nodes[0].args[0]) if kind == "string" else raw
            return write_name(name)
        return write_string(raw) if kind == "word" else raw
