"""Looks for private keys and tokens in every file of a tree, whatever it is for. No message repeats what was found.

What is found is lost: whoever may read the repository has it, and its history keeps it. So a commit that brings one is
refused, and its author learns what to revoke. A false alarm is allowed where it stands, with a reason:

    // sentinelctl:allow jwt because it is the example of RFC 7519

on the line itself or the one before it; or, for files that take no comments, in the file `.sentinel-allow`:

    allow "private-key" "plugins/tls.wasm" because="its library names the form"
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from reconciler.config.characters import shown
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.kdl import KdlNode, parse_file
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.source import ALLOWANCES, SourceFile, is_read
from reconciler.config.suggest import did_you_mean
from reconciler.config.token_forms import (
    FORMS,
    KEY_CODE,
    KINDS,
    PEM,
    SEED,
    SEED_FILES,
    WITHOUT_UNDERSCORE,
    Form,
)

IN_FILE = 20
"""Findings of one file. A file of keys alone says enough with fewer."""

IN_TREE = 500

NEAR = 2000
"""Bytes before and behind what was found in which an allowance may stand."""

_ALLOW = re.compile(rb"sentinelctl:allow ([a-z-]{1,40}) because [^\s]{1,100} ?[^\r\n]{2,400}")
_EVERY_KIND = (*KINDS, SEED.kind)


def search(
    files: Iterable[SourceFile], *, clean: Collection[str] = (), marked: set[str] | None = None
) -> tuple[Finding, ...]:
    """Every key and token in the files, and every allowance that is none; at most `IN_TREE`.

    `clean` are paths of files in which an earlier search found nothing at all. To `marked` are added the paths of
    those in which something stands, allowed or not.
    """
    listed = sorted(files, key=lambda file: file.path)
    allowed, found = _allowances(listed)
    for file in listed:
        if file.path in clean:
            continue
        for form, at, allowed_here in _found(file):
            if marked is not None:
                marked.add(file.path)
            # What a certificate or a trust store names is read on as certificates alone, whatever somebody allows.
            never = form.code == KEY_CODE and file.path.endswith(PEM)
            if never or not (allowed_here or (form.kind, file.path) in allowed):
                found.append(_finding(file, form, at))
        if len(found) >= IN_TREE:
            break
    return tuple(found[:IN_TREE])


def _found(file: SourceFile) -> Iterator[tuple[Form, int, bool]]:
    """What stands in a file, where, and whether a line beside it allows that."""
    content = file.content
    if file.path.endswith(SEED_FILES) and len(content) < 100 and SEED.expression.fullmatch(content):
        yield SEED, 0, False
    count = 0
    # Finding one byte is many times faster than finding a word, and few configurations hold this one.
    forms = FORMS if b"_" in content else WITHOUT_UNDERSCORE
    for form in forms:
        if not any(literal in content for literal in form.literals):
            continue
        for match in form.expression.finditer(content):
            yield form, match.start(), _allowed_here(content, match.start(), form.kind.encode())
            count += 1
            if count == IN_FILE:
                return


def _allowed_here(content: bytes, at: int, kind: bytes) -> bool:
    """Whether the line of an offset, or the one before it, allows what was found there. Only what is near is read."""
    earliest = max(0, at - NEAR)
    before, _, same = content[earliest:at].rpartition(b"\n")
    end = content.find(b"\n", at, at + NEAR)
    part = before.rpartition(b"\n")[2] + b"\n" + same + content[at : end if end >= 0 else at + NEAR]
    return any(match[1] == kind for match in _ALLOW.finditer(part))


def _finding(file: SourceFile, form: Form, at: int) -> Finding:
    start = file.content.rfind(b"\n", 0, at) + 1
    column = len(file.content[start:at].decode("utf-8", "replace").removeprefix("\ufeff")) + 1
    return Finding(
        form.code,
        Severity.error,
        Place(file.path, file.content.count(b"\n", 0, start) + 1, column),
        f"the file holds {form.about}",
        "no credential in clear: `sentinelctl secret set` seals one",
        "revoke it and make a new one, for the repository's history keeps it; "
        f"if it is none, allow it: sentinelctl:allow {form.kind} because …",
    )


def _allowances(files: Iterable[SourceFile]) -> tuple[set[tuple[str, str]], list[Finding]]:
    """(kind, path) of what the file of allowances allows, and what is wrong in it."""
    allowed: set[tuple[str, str]] = set()
    report = Report()
    paths = set()
    source = None
    for file in files:
        paths.add(file.path)
        if file.path == ALLOWANCES:
            source = file
    if source is None:
        return allowed, []
    parsed, findings = parse_file(source.content, source.path)
    report.extend(findings)
    for node in parsed.nodes if parsed else ():
        problem = _problem(node, paths)
        if problem is None:
            allowed.add((str(node.arguments[0]), str(node.arguments[1])))
        elif parsed is not None:
            report.add(Mark(parsed, node), problem)
    return allowed, list(report.resolved())


def _problem(node: KdlNode, paths: set[str]) -> Problem | None:
    expected = 'allow "KIND" "PATH" because="…"'
    reason = node.properties.get("because")
    if (
        node.name != "allow"
        or len(node.arguments) != 2
        or set(node.properties) != {"because"}
        or node.children
        or not (isinstance(reason, str) and len(reason.split()) >= 2)
    ):
        return Problem("E-TRE-009", "the line is no allowance with a reason", expected, "write it like that")
    kind, path = node.arguments
    if kind not in _EVERY_KIND:
        hint = did_you_mean(str(kind), _EVERY_KIND) or f"one of {', '.join(_EVERY_KIND)}"
        return Problem("E-TRE-009", f"there is no kind {shown(str(kind))} of credential", expected, hint)
    if path not in paths and is_read(str(path)):
        # Other files are given to whoever searches them all, and only then.
        hint = did_you_mean(str(path), paths) or "remove the line"
        return Problem("E-TRE-009", f"there is no file {shown(str(path))}", expected, hint)
    return None
