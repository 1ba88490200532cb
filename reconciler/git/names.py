"""Which names a tree may carry. libgit2 returns them all unchanged, so the judgement is ours."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_NAME_BYTES = 255
SHORT_GIT = re.compile(r"git~[0-9]+")
# Characters that HFS+ leaves out when it compares names, so that `.g\u200cit` becomes `.git` there.
IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


@dataclass(frozen=True, slots=True)
class NameProblem:
    """Why one name is refused."""

    code: str
    message: str


def name_problem(raw: bytes) -> NameProblem | None:
    """What is wrong with one component of a path, or None."""
    if raw in (b"", b".", b".."):
        return NameProblem("E-GIT-101", f"the name '{raw.decode()}' would lead out of its folder")
    if len(raw) > MAX_NAME_BYTES:
        return NameProblem("E-GIT-103", f"the name has {len(raw)} bytes (at most {MAX_NAME_BYTES})")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return NameProblem("E-GIT-102", "the name is not UTF-8")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in name):
        return NameProblem("E-GIT-102", "the name contains a control or invisible character")
    if "/" in name or "\\" in name:
        return NameProblem("E-GIT-101", "the name contains a slash or backslash")
    if _is_git_folder(name):
        return NameProblem("E-GIT-101", "the name means git's own folder on some file system")
    return None


def fold(name: str) -> str:
    """What two names have in common when some file system takes them for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown_name(raw: bytes) -> str:
    """A name for messages: printable, whatever its bytes are."""
    return (
        raw.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
        if _is_odd(raw)
        else raw.decode()
    )


def _is_odd(raw: bytes) -> bool:
    try:
        return not raw.decode().isprintable()
    except UnicodeDecodeError:
        return True


def _is_git_folder(name: str) -> bool:
    # NTFS drops trailing dots and spaces and what follows a colon; short names are git~1, git~2 …
    plain = IGNORED_BY_HFS.sub("", name).split(":", 1)[0].rstrip(". ").lower()
    return plain == ".git" or SHORT_GIT.fullmatch(plain) is not None
