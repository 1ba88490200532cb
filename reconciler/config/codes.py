"""Every code that the config language and its compilation give, with what it means and what cures it.

`docs/errors/config.md` and `docs/errors/compile.md` are made from this table, and `sentinelctl explain` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.config.code import Code as Code
from reconciler.config.codes_compile import COMPILE_CODES
from reconciler.config.codes_proxy import PROXY_CODES
from reconciler.config.codes_rules import RULE_CODES
from reconciler.config.codes_secrets import SECRET_CODES
from reconciler.config.codes_signers import SIGNER_CODES
from reconciler.config.codes_templates import TEMPLATE_CODES
from reconciler.config.codes_tls import TLS_CODES

_TABLE: tuple[Code, ...] = (
    Code(
        "E-SYN-001",
        "Not UTF-8",
        "The file holds bytes that are not UTF-8, from the place named on.",
        "Save the file as UTF-8.",
    ),
    Code(
        "E-SYN-002",
        "File too large",
        "A single file may have 1 MiB.",
        "Split it. Any number of files makes one configuration, and folders mean nothing.",
    ),
    Code(
        "E-SYN-003",
        "Number too long",
        "A number with 40 digits or more is refused before it is parsed, because the parser's time grows with the "
        "square of its length.",
        "Put it in quotes if it is text.",
    ),
    Code(
        "E-SYN-004",
        "Nested too deeply",
        "Blocks may be nested 64 deep.",
        "Look for a brace that is never closed.",
    ),
    Code("E-SYN-005", "Too many nodes", "A file may have 100,000 nodes.", "Split it."),
    Code(
        "E-SYN-006",
        "Syntax error",
        "The text is not KDL version 2. Only the first error of a file is known; the rest shows when it is corrected.",
        'The message says what is wrong. Truth values are #true and #false; raw strings are #"…"#; durations stand in '
        "quotes.",
    ),
    Code(
        "E-SYN-007",
        "Invisible character in the file",
        "The file holds a control character, a byte order mark inside the text, or a character that turns the "
        "direction of writing: what a reviewer sees is not what is there.",
        "Remove it.",
    ),
    Code(
        "E-SYN-008",
        "Number not finite",
        "The number is infinite, not a number, or too large for one.",
        "Write a finite number.",
    ),
    Code("E-SYN-009", "Type annotation", "The language has no type annotations such as (u8).", "Remove it."),
    Code(
        "E-SYN-010",
        "Property given twice",
        "KDL lets the last of two properties of one name win silently; the language does not.",
        "Remove one of the two.",
    ),
    Code(
        "E-TRE-001",
        "No configuration",
        "The project's folder holds no file that ends in .kdl.",
        "Add one, or correct the project's path in the server configuration.",
    ),
    Code(
        "E-TRE-002",
        "Too many files",
        "A project may have 10,000 files.",
        "Put several resources into one file.",
    ),
    Code(
        "E-TRE-003",
        "Too much text",
        "The files of a project may have 64 MiB and one million nodes together.",
        "Split the repository into projects.",
    ),
    Code(
        "E-TRE-004",
        "Findings left out",
        "Of one file, 100 findings are shown; the number of the others is told.",
        "Correct the ones that are shown first.",
    ),
    Code(
        "E-TRE-005",
        "Too many environments",
        "A project may have 24 environments, each of which has a configuration of its own in every bundle.",
        "Use node-groups for parts of an environment.",
    ),
    Code(
        "E-KND-001",
        "Unknown kind",
        "A node at the top of a file is not a kind of resource.",
        "The hint names the nearest kind. sentinelctl explain lists all.",
    ),
    Code(
        "E-KND-002",
        "Unknown field",
        "The resource or block has no field of this name. The proxy would ignore it silently.",
        "The hint names the nearest field. sentinelctl explain KIND lists all.",
    ),
    Code("E-KND-003", "Missing field", "A field that has to be there is not.", "Add it as the hint shows."),
    Code(
        "E-KND-004",
        "Field given twice",
        "A field that holds once stands there twice.",
        "Remove one of the two.",
    ),
    Code(
        "E-KND-005",
        "Missing value",
        "A field stands there without its value or without a property it needs.",
        "Write it behind the name.",
    ),
    Code(
        "E-KND-006",
        "Value too many",
        "A field has more values than it takes.",
        "Remove the one that is named.",
    ),
    Code(
        "E-KND-007",
        "Block where none belongs",
        "A field that has a value and no fields of its own is followed by { }.",
        "Remove the block, or move what is in it.",
    ),
    Code("E-KND-008", "Empty block", "A block has nothing in it.", "Fill it in, or remove it."),
    Code(
        "E-KND-009",
        "Unknown property",
        "The field has no property of this name. Most things are fields in { }, not properties.",
        "The hint says how to write it.",
    ),
    Code(
        "E-KND-010",
        "Override that means nothing",
        "A 'for' or 'remove' contradicts another line: an environment stands in two blocks, or a field is removed that "
        "is not set.",
        "Merge or remove the lines that are named.",
    ),
    Code(
        "E-KND-011",
        "Resource exists twice",
        "Two resources of one kind have the same name.",
        "Rename or remove one of the two.",
    ),
    Code(
        "E-KND-012",
        "Wrong number of resources",
        "A project has exactly one project resource and at least one environment.",
        "Add what is missing, or remove the second.",
    ),
    Code(
        "E-VAL-001",
        "Wrong type",
        "The value is a string where a number belongs, a number where a string belongs, or the like. The proxy would "
        "fall back to a default silently.",
        "Write the type that is expected.",
    ),
    Code(
        "E-VAL-002",
        "Not one of the values",
        "The field takes one of a few words.",
        "Write one of those named.",
    ),
    Code(
        "E-VAL-003",
        "Out of range",
        "The value has the right type and is too small or too large.",
        "Stay within.",
    ),
    Code(
        "E-VAL-004",
        "Wrong form",
        "The string does not have the form of the address, host, path, name or duration that belongs there.",
        "Write it as the hint shows.",
    ),
    Code(
        "E-VAL-005",
        "Invisible character in a value",
        "A string holds a character that cannot be seen, perhaps by an escape such as \\u{202e}.",
        "Remove it.",
    ),
    Code(
        "E-VAL-006",
        "Regular expression that the proxy would not take",
        "Expressions are Rust's: linear in time, so without look-around and backreferences. The proxy compiles them "
        "only when it starts, and a bad one stops it then.",
        "Write it in the subset that the message names.",
    ),
    Code(
        "E-VAL-007",
        "Reserved name",
        "The control plane adds parts of its own under names that begin with 'sentinel'; and a label that is called "
        "like a word of selectors (`and`, `or`, `not`, `in`, `has`) could not be selected.",
        "Choose another name.",
    ),
    Code("E-VAL-008", "Given twice", "A list holds the same value twice.", "Remove one of the two."),
    Code(
        "E-VAL-009",
        "Values that do not go together",
        "Two fields contradict each other, or one means nothing beside the other.",
        "Change one of the two as the hint says.",
    ),
    Code(
        "E-VAL-060",
        "All at once in a protected environment",
        "A protected environment says 'protected #true', or comes after another one. Changing all of its nodes at "
        "once is a risk that somebody has to take on purpose.",
        'Choose another strategy, say all-at-once-because "…", or say protected #false.',
    ),
    Code(
        "E-VAL-061",
        "Blue-green without a balancer",
        "A blue-green release moves traffic by weights that the nodes publish. Without something in front of them that "
        "follows these weights, nothing would move.",
        "Name the balancer, or choose another strategy.",
    ),
    Code(
        "E-REF-001",
        "Name that stands for nothing",
        "The resource that is named does not exist.",
        "The hint names the nearest one there is.",
    ),
    Code(
        "E-REF-002",
        "Not in this environment",
        "The resource exists, but 'only' keeps it out of an environment in which it is needed.",
        "Widen its 'only', or name another one in a 'for' block.",
    ),
    Code(
        "E-REF-003",
        "Override without effect",
        "A 'for' block names an environment in which the resource does not exist.",
        "Remove the block, or widen 'only'.",
    ),
    Code(
        "E-REF-004",
        "Environments in a circle",
        "Each environment of a circle waits for the next, so nothing could ever be promoted.",
        "Remove one 'after'.",
    ),
    Code(
        "E-INS-001",
        "Slug used twice",
        "Slugs of projects and of connections are unique in the whole installation, because URLs and node identities "
        "are made of them.",
        "Rename one of the two.",
    ),
    Code(
        "E-INS-002",
        "Unknown connection",
        "A project names a connection that its organization does not have.",
        "Add the connection, or correct the name.",
    ),
    Code(
        "E-INS-003",
        "Branches used by two projects",
        "Two projects in one repository would write the same environment branches.",
        "Give each a branch-prefix of its own.",
    ),
    Code(
        "E-INS-004",
        "Credentials in a URL",
        "A repository's URL holds a user or a password, which would end up in logs and pages.",
        'Name them in the connection: credentials "env:…" or "file:…", whose content is user:token.',
    ),
    Code(
        "E-INS-140",
        "App that cannot be used",
        "A connection speaks to its forge by credentials or as an App, and Apps are GitHub's.",
        "Remove the line that is not meant.",
    ),
    Code(
        "E-INS-150",
        "Host without a pinned key",
        "A repository is reached over ssh, and the project's connection does not say which key its host has. No key is "
        "trusted because it was shown first.",
        "Give the connection an ssh block with a line of known-hosts for that host, or use https.",
    ),
    Code(
        "E-INS-120",
        "Role wider than in the organization",
        "A member line in a project narrows what the person may do there; it never adds to it.",
        "Raise the role in the organization, or lower the one in the project.",
    ),
)


def _by_code(table: tuple[Code, ...]) -> Mapping[str, Code]:
    found = {entry.code: entry for entry in table}
    if len(found) != len(table):
        raise ValueError("a code stands in the table twice")
    return MappingProxyType(found)


CODES: Mapping[str, Code] = _by_code(
    (
        *_TABLE,
        *COMPILE_CODES,
        *PROXY_CODES,
        *RULE_CODES,
        *SECRET_CODES,
        *SIGNER_CODES,
        *TEMPLATE_CODES,
        *TLS_CODES,
    )
)
