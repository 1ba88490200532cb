"""Explains a syntax error: where it is and what to do, in a sentence. Runs only on text the parser refused."""

from __future__ import annotations

import ckdl
from kdlquery import KDL2CSTParser, KDLParseError

from reconciler.config import limits
from reconciler.config.scan import ScanError, line_and_column, tokens

_SENTENCES: dict[str, tuple[str, str]] = {
    "raw-string/unterminated": ("a raw string has no end", 'close it with as many # as it began with: #"…"#'),
    "raw-string/newline": ("a raw string runs over the end of the line", 'close it with "# on the same line'),
    "multiline-raw-string/no-leading-newline": (
        'text stands directly after #"""',
        "begin it on the next line",
    ),
    "multiline-raw-string/decode": (
        "the lines of a raw string are not indented like its closing quotes",
        "indent every line at least as far as the closing quotes",
    ),
    "quoted-string/unterminated": ("a string has no end", 'close it with "'),
    "quoted-string/newline": ("a string runs over the end of the line", 'close it with " on the same line'),
    "quoted-string/decode": (
        "a string holds an escape that KDL does not know",
        'write \\\\ for a backslash, or use a raw string: #"…"#',
    ),
    "multiline-string/no-leading-newline": ('text stands directly after """', "begin it on the next line"),
    "multiline-string/unterminated": (
        "a multi-line string has no end",
        'close it with """ on a line of its own',
    ),
    "multiline-string/decode": (
        "the lines of a multi-line string are not indented like its closing quotes",
        "indent every line at least as far as the closing quotes",
    ),
    "block-comment/unterminated": ("a comment has no end", "close it with */"),
    "unexpected-character": (
        "a character stands where none may",
        "put text in quotes",
    ),
    "number/invalid-trailing": (
        "a number is followed by letters",
        'put it in quotes, as in "30s", or put a space behind it',
    ),
    "reserved-bare-identifier": (
        "true, false and null are written #true, #false and #null in KDL version 2",
        "put # before it, or put it in quotes if you mean text",
    ),
    "children-block/unterminated": ("a block is opened and never closed", "add the missing }"),
    "node/multiple-children-blocks": ("a node has two blocks", "merge them into one"),
    "expected-eol": (
        "something stands where the line should end",
        "begin each node on a line of its own, or separate them with ;",
    ),
    "expected-whitespace": ("a space is missing", "put a space between two values and before {"),
    "slashdash/no-children-block": ("/- stands before nothing that it could remove", "remove it"),
    "expected-identifier": ("a name is missing", "a node begins with its name"),
    "expected-value": ("a value is missing", "write a string, a number, #true or #false"),
    "expected-token": ("something is missing or superfluous", "compare the braces and the quotes above"),
    "escline-comment-continuation": ("a comment follows a line that ends in \\", "move the comment"),
}
_FALLBACK = ("the text is not KDL version 2", "compare quotes, braces and spaces in this node")


_UNCLOSED = ("a block is opened and never closed", "add the missing }")
_TOO_DEEP = (f"blocks are nested more than {limits.DEPTH} deep", "look for a block that is never closed")
_SUPERFLUOUS = ("a } closes nothing", "remove it, or open the block it should close")
_ENDLESS = ("a string or a comment has no end", "close it")

CHUNK = 32 * 1024
"""Characters that the slow parser is given to explain; above, only the node's place is told."""


class _Parser(KDL2CSTParser):
    def _slice(self, start: int, end: int) -> str:
        # The original joins all tokens again for every value, which makes the time quadratic; nobody reads the result.
        return ""


def syntax_problem(text: str) -> tuple[int, int, str, str]:
    """(line, column, sentence, hint) of the first syntax error of a text that ckdl refused.

    The text is cut at its top-level nodes, so that only the node with the error is explained by the slow parser.
    """
    start = 0
    opened: list[int] = []
    stray: int | None = None
    try:
        for token in tokens(text):
            if token.kind == "{":
                opened.append(token.start)
                if len(opened) > limits.DEPTH:
                    return (*line_and_column(text, token.start), *_TOO_DEEP)
            elif token.kind == "}":
                if not opened:
                    return (*line_and_column(text, token.start), *_SUPERFLUOUS)
                opened.pop()
            elif token.kind in ("newline", ";") and not opened:
                if _is_refused(text[start : token.end]):
                    return _explained(text, start, token.end)
                start = token.end
            elif token.kind == "word" and opened and stray is None and _begins_line(text, token.start):
                # A name in the first column inside a block: whoever wrote it believed the block to be closed.
                stray = opened[-1]
    except ScanError as error:
        if error.offset - start <= CHUNK:
            return _explained(text, start, min(len(text), start + CHUNK), (error.offset, _ENDLESS))
        return (*line_and_column(text, error.offset), *_ENDLESS)
    if opened:
        return (*line_and_column(text, stray if stray is not None else opened[-1]), *_UNCLOSED)
    return _explained(text, start, len(text))


def _begins_line(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "\n"


def _is_refused(text: str) -> bool:
    try:
        ckdl.parse(text, version=2)
    except (ckdl.ParseError, UnicodeError):
        return True
    return False


def _explained(
    text: str, start: int, end: int, otherwise: tuple[int, tuple[str, str]] | None = None
) -> tuple[int, int, str, str]:
    """What is wrong in a part of the text; `otherwise` is told when the slow parser has nothing to say."""
    line, column = line_and_column(text, start)
    at, words = otherwise or (start, _FALLBACK)
    if end - start <= CHUNK:
        try:
            _Parser().parse(text[start:end])
        except KDLParseError as error:
            sentence, hint = _SENTENCES.get(error.code, _FALLBACK)
            return line + error.line - 1, (column if error.line == 1 else 1) + error.col - 1, sentence, hint
        except (RecursionError, ValueError, IndexError, OverflowError):
            pass
    return (*line_and_column(text, at), *words)
