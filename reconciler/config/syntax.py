"""Explains a syntax error: where it is and what to do, in a sentence. Runs only on text the parser refused."""

from __future__ import annotations

from typing import Any

import ckdl
from kdlquery import KDL2CSTParser, KDLParseError

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


class _Parser(KDL2CSTParser):
    def _slice(self, start: int, end: int) -> str:
        # The original joins all tokens again for every value, which makes the time quadratic; nobody reads the result.
        return ""


def syntax_problem(text: str) -> tuple[int, int, str, str]:
    """(line, column, sentence, hint) of the first syntax error of a text that ckdl refused."""
    try:
        document = _Parser().parse(text)
    except KDLParseError as error:
        sentence, hint = _SENTENCES.get(error.code, _FALLBACK)
        return error.line, error.col, sentence, hint
    except (RecursionError, ValueError, IndexError, OverflowError):
        return 1, 1, *_FALLBACK
    line, column = _refused_node(text, document)
    return line, column, *_FALLBACK


def _refused_node(text: str, document: Any) -> tuple[int, int]:
    """The two parsers disagree: the first top-level node that ckdl refuses when it stands alone."""
    for node in document.nodes:
        try:
            ckdl.parse(text[node.span.start.offset : node.span.end.offset], version=2)
        except (ckdl.ParseError, UnicodeError):
            return node.span.start.line, node.span.start.column
    return 1, 1
