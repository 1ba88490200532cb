"""Codes of a project's own rules, of secrets, and of files that resources name. Part of the table in `codes.py`."""

from __future__ import annotations

from reconciler.config.code import Code

RULE_CODES: tuple[Code, ...] = (
    Code(
        "E-TRE-006",
        "Private key in the repository",
        "A file of the project holds a private key. Everybody who can read the repository has it, and "
        "its history keeps it.",
        "Make a new key, revoke the old certificate, and take the file out of the history. docs/secrets.md says how a "
        "false alarm is allowed.",
    ),
    Code(
        "E-TRE-008",
        "Token in the repository",
        "A file of the project holds something of the form of a token: of a cloud, a forge, a messenger, a payment "
        "service, a package registry, or a JWT. Any file is searched, not only the configuration. The message does not "
        "repeat it, and the file is not read any further.",
        "Revoke it, make a new one, and seal that with `sentinelctl secret set`. docs/secrets.md says how a false "
        "alarm is allowed.",
    ),
    Code(
        "E-TRE-009",
        "Allowance that allows nothing",
        "A line of .sentinel-allow is malformed, gives no reason, or names a kind or a file that there is not.",
        'Write: allow "KIND" "PATH" because="…".',
    ),
    Code(
        "E-TRE-007",
        "Attached file too large",
        "A file that is not in the language, such as a plugin, may have 4 MiB.",
        "Make it smaller; a WebAssembly module shrinks when it is built without debug information.",
    ),
    Code(
        "E-VAL-020",
        "Credential written out",
        "A password, token, key or secret address stands in a place that takes the name of a secret "
        "alone. The message does "
        "not repeat it.",
        'Add a secret resource and write "${secret:NAME}". If it was a real credential, revoke it: the '
        "history keeps it.",
    ),
    Code(
        "E-VAL-021",
        "Secret inside a longer string",
        "A secret stands for a whole string, never for a part of one.",
        "Put the whole value into the secret.",
    ),
    Code(
        "E-REF-005",
        "File that does not exist",
        "A resource names a file that the commit does not have. Paths begin at the project's folder.",
        "Commit the file, or correct the path.",
    ),
    Code(
        "E-PLG-001",
        "Not a plugin",
        "The file of a wasm plugin is no WebAssembly module of version 1, or that of a lua plugin is "
        "empty, bytecode or no "
        "text.",
        "Commit what the compiler wrote, or the Lua source.",
    ),
    Code(
        "E-PLG-002",
        "Plugin with another digest",
        "The plugin's file is not the one whose digest the resource names.",
        "Look at what changed in the file, then write its digest.",
    ),
    Code(
        "E-RUL-001",
        "Required field is not there",
        "A validation-rule of the project requires a field that the resource does not have. The severity "
        "is the rule's.",
        "Add the field; the hint is the rule's own message.",
    ),
    Code(
        "E-RUL-002",
        "Forbidden by a rule",
        "A string matches an expression that a validation-rule of the project forbids.",
        "Write something else; the hint is the rule's own message.",
    ),
    Code(
        "E-RUL-003",
        "Not allowed by a rule",
        "A string does not match the expression that a validation-rule of the project allows.",
        "Write something that matches; the hint is the rule's own message.",
    ),
    Code(
        "E-RUL-004",
        "Larger than a rule allows",
        "A resource has more bytes in its JSON form, or there are more resources, than a validation-rule "
        "of the project allows.",
        "Make it smaller; the hint is the rule's own message.",
    ),
    Code(
        "E-RUL-005",
        "Refused by a rule's schema",
        "The JSON form of a resource does not satisfy the JSON Schema of a validation-rule of the "
        "project. The first mistake is "
        "told.",
        "Correct the field that is named; sentinelctl explain KIND shows the form.",
    ),
    Code(
        "E-RUL-006",
        "More routes removed than the budget",
        "A commit removes more routes of an environment than a validation-rule of the project or of its "
        "parent allows without "
        "a word.",
        "If it is meant, end the commit's message with a line `Allow-Deletions: N`, N being at least the "
        "number removed.",
    ),
    Code(
        "W-RUL-010",
        "Looser policy, held until the next commit",
        "A commit is held to the stricter of its own policy of an environment and of the one before it, field by "
        "field: otherwise the commit that loosens a policy would be the first to profit. It is an information.",
        "Nothing has to be done: the next valid commit has the policy as it is written.",
    ),
    Code(
        "W-RUL-011",
        "Nothing to compare with",
        "The last valid commit is gone from the repository, or this version cannot read it any more, so that its "
        "rules, policies and routes hold nothing back. It is a warning.",
        "Look closely at what the commit removes and loosens.",
    ),
    Code(
        "E-RUL-007",
        "Rules that cost too much",
        "All validation-rules together may take a fixed number of steps, so that a commit is judged in "
        "bounded time.",
        "Limit the rule with kinds and field, or make its expressions simpler.",
    ),
    Code(
        "E-RUL-008",
        "Schema that cannot be used",
        "The schema of a validation-rule is no JSON, no JSON Schema, or uses a keyword whose work has no "
        "bound: references, "
        "uniqueItems, unevaluated….",
        "Write it as the hint says.",
    ),
    Code(
        "E-RUL-009",
        "Rule about nothing",
        "A validation-rule names a kind that there is not, or a field that the kinds of its scope do not "
        "have: it would never "
        "find anything.",
        "The hint names the nearest. sentinelctl explain KIND lists the fields.",
    ),
)
