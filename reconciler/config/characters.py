"""Which characters may stand in the language, and how text that others wrote is shown in a message."""

from __future__ import annotations

import re

INVISIBLE = re.compile(
    # C0 (without tab and newlines), DEL and C1 controls; zero-width and joining characters; marks and overrides of
    # writing direction; line and paragraph separators; byte order marks; interlinear and tag characters; surrogates.
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Characters that a reader of a pull request cannot see, or that change what she sees."""

UNSHOWABLE = re.compile(INVISIBLE.pattern[:-1] + "\t\n\r]")

SHOWN_LENGTH = 80


def escaped(text: str) -> str:
    """The text with every character that cannot be seen written as `\\u{…}`."""
    return UNSHOWABLE.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)


def shown(text: str) -> str:
    """The text between quotes for a message: escaped, and cut when it is long."""
    cut = text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"
    return f"'{escaped(cut)}'"


def name_of(character: str) -> str:
    """A character as U+XXXX."""
    return f"U+{ord(character):04X}"
