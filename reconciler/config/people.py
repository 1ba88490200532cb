"""How people and teams are named where it matters who did something: in teams, in approvals and beside signing keys.

A person is the address that stands in their commits, in lower case, for the same name becomes a file's name.
"""

from __future__ import annotations

import re

from reconciler.config.values import Pattern

TEAM_PREFIX = "team:"
_PERSON = r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?(?:@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)?"
PERSON_NAME = re.compile(_PERSON)
LONGEST_PERSON = 120

PERSON = Pattern(
    name="person",
    pattern=_PERSON,
    expected="the address in a person's commits, in lower case, such as 'ada@example.com'",
    hint="write it in lower case, as it stands in .sentinel/allowed-signers",
    maximum=LONGEST_PERSON,
)
APPROVER = Pattern(
    name="approver",
    pattern=rf"{_PERSON}|{TEAM_PREFIX}[a-z](?:[a-z0-9-]*[a-z0-9])?",
    expected="a person such as 'ada@example.com', or a team such as 'team:release'",
    hint="write a person in lower case, and a team with 'team:' before its name",
    maximum=LONGEST_PERSON,
)


def is_person(text: str) -> bool:
    """Whether a text names a person as they are named here."""
    return len(text) <= LONGEST_PERSON and PERSON_NAME.fullmatch(text) is not None
