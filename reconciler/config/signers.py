"""Reads `.sentinel/allowed-signers`: whose key is whose, in OpenSSH's format of that name.

Read as strictly as the rest of the configuration: where ssh-keygen would skip a line, this is a finding. A line says
that several names are one person, so nobody can approve twice under two of them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.config.characters import shown
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.people import is_person
from reconciler.config.source import SIGNERS
from reconciler.config.ssh_keys import KeyProblem, check_key

MAX_BYTES = 256 * 1024
MAX_LINES = 2_000

NAMESPACE = "git"
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
_OPTIONS = r'[a-z-]+(?:="[^"]*")?(?:,[a-z-]+(?:="[^"]*")?)*'
_LINE = re.compile(rf"(\S+)(?:[ \t]+({_OPTIONS}))??[ \t]+(\S+)[ \t]+([A-Za-z0-9+/=]+)(?:[ \t]+(.*))?")
_MOMENT = re.compile(r"([0-9]{8})([0-9]{4}(?:[0-9]{2})?)?(Z?)")


@dataclass(frozen=True, slots=True)
class Signer:
    """One line. `key` is the public key as SSH sends it; the moments are None where the line says nothing."""

    principals: tuple[str, ...]
    key: bytes
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Whether the key counts at that moment."""
        begun = self.valid_after is None or self.valid_after <= now
        return begun and (self.valid_before is None or now < self.valid_before)


@dataclass(frozen=True, slots=True)
class Signers:
    """A whole file."""

    lines: tuple[Signer, ...] = ()

    def principals_of(self, key: bytes, now: datetime) -> tuple[str, ...]:
        """The names of the person whose key this is, the one that stands first on its line first; empty for nobody."""
        return next((line.principals for line in self.lines if line.key == key and line.valid(now)), ())

    def owners_of(self, key: bytes) -> tuple[str, ...]:
        """The names of everybody whose key this is, was or will be: what somebody made with it stays theirs."""
        return tuple(name for line in self.lines if line.key == key for name in line.principals)

    def names_of(self, person: str) -> frozenset[str]:
        """Every name of the same person: those that stand on one line, and on lines that share a name."""
        found = {person}
        while True:
            more = {name for line in self.lines if found & set(line.principals) for name in line.principals}
            if more <= found:
                return frozenset(found)
            found |= more


def read_signers(content: bytes, path: str = SIGNERS) -> tuple[Signers | None, tuple[Finding, ...]]:
    """The signers of a file, and what is wrong with it; None when anything is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None, (_finding(path, 1, 1, "E-SGN-001", "the file is not UTF-8", "text", "save it as UTF-8"),)
    lines = text.splitlines()
    if len(content) > MAX_BYTES or len(lines) > MAX_LINES:
        size = f"the file has {len(content)} bytes and {len(lines)} lines"
        expected = f"at most {MAX_BYTES} bytes and {MAX_LINES} lines"
        return None, (_finding(path, 1, 1, "E-SGN-001", size, expected, "take out keys that nobody uses"),)
    signers: list[Signer] = []
    findings: list[Finding] = []
    owners: dict[bytes, tuple[frozenset[str], int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        signer, found = _read_line(line, path, number)
        findings += found
        if signer is None:
            continue
        names, first = owners.setdefault(signer.key, (frozenset(signer.principals), number))
        if first != number and names != frozenset(signer.principals):
            findings.append(
                _finding(
                    path,
                    number,
                    1,
                    "E-SGN-005",
                    f"the key of line {first} stands here for somebody else",
                    "one person for each key",
                    "put all names of one person on one line, or give the other person a key of their own",
                )
            )
        signers.append(signer)
    return (None if findings else Signers(tuple(signers))), tuple(findings)


def _read_line(line: str, path: str, number: int) -> tuple[Signer | None, list[Finding]]:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        expected = (
            "addresses, then options, then the type and the key, as in: ada@example.com ssh-ed25519 AAAA…"
        )
        problem = "the line is not one of a person and a key"
        return None, [_finding(path, number, 1, "E-SGN-001", problem, expected, "write it like the example")]
    names, options, kind, key, _ = match.groups()
    findings = [
        _finding(path, number, line.index(name) + 1 if name else 1, "E-SGN-003", *words)
        for name, words in _names(names)
    ]
    times, bad = _options(options or "")
    column = line.index(options) + 1 if options else 1
    findings += [_finding(path, number, column, "E-SGN-006", *words) for words in bad]
    try:
        blob = base64.b64decode(key, validate=True)
        if base64.b64encode(blob).decode() != key:
            raise KeyProblem("the key is not the base64 of anything")
        check_key(kind, blob)
    except (binascii.Error, KeyProblem) as error:
        code = "E-SGN-002" if isinstance(error, KeyProblem) and error.unsupported else "E-SGN-004"
        words = str(error) if isinstance(error, KeyProblem) else "the key is not base64"
        hint = "copy the line of the file that ends in .pub again; docs/approvals.md lists the kinds of keys"
        expected = "the public half of an SSH key"
        at = line.index(kind if code == "E-SGN-002" else key) + 1
        return None, [*findings, _finding(path, number, at, code, words, expected, hint)]
    if findings:
        return None, findings
    return Signer(tuple(names.split(",")), blob, times.get("valid-after"), times.get("valid-before")), []


def _names(names: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """What is wrong with the names of a line: (name, message and expected and hint)."""
    expected = "addresses as they stand in commits, in lower case, with ',' between"
    seen: set[str] = set()
    for name in names.split(","):
        if any(character in name for character in "*?!"):
            hint = "write each person's address: whoever approves has to be somebody"
            yield name, (f"{shown(name)} is a pattern", expected, hint)
        elif not is_person(name):
            yield name, (f"{shown(name)} names no person", expected, "write it like ada@example.com")
        elif name in seen:
            yield name, (f"{shown(name)} stands here twice", expected, "remove one of the two")
        seen.add(name)


def _options(options: str) -> tuple[dict[str, datetime], list[tuple[str, str, str]]]:
    """The moments that options give, and what is wrong with the others."""
    times: dict[str, datetime] = {}
    bad: list[tuple[str, str, str]] = []
    expected = 'namespaces="git", valid-after="20260101" or valid-before="20270101"'
    for option in _OPTION.finditer(options):
        name, value = option[1], option[2]
        if name == "namespaces" and value is not None:
            if NAMESPACE not in value.split(","):
                bad.append(
                    ("the key is not for commits", f'namespaces="{NAMESPACE}"', "add git, or drop the option")
                )
        elif name in ("valid-after", "valid-before") and value is not None and name not in times:
            moment = _moment(value)
            if moment is None:
                form = "YYYYMMDD or YYYYMMDDHHMM[SS], in UTC with a Z behind it"
                bad.append((f"{shown(value)} is no moment", form, "write the day, such as 20270101Z"))
            else:
                times[name] = moment
        else:
            hint = "name each person with a key of their own" if name == "cert-authority" else "remove it"
            bad.append((f"the option {shown(name)} does not count here", expected, hint))
    return times, bad


def _moment(text: str) -> datetime | None:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    day, clock = match[1], (match[2] or "").ljust(6, "0")
    try:
        # Without a Z ssh-keygen means the time of the machine it runs on; one answer for everybody is UTC.
        return datetime.strptime(day + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _finding(path: str, line: int, column: int, code: str, message: str, expected: str, hint: str) -> Finding:
    return Finding(code, Severity.error, Place(path, line, column), message, expected, hint)
