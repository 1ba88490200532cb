"""Mutations of a config repository, each with what validation has to say of it.

What is expected comes from the schema alone: which names a block knows, what a slot takes, what is required. It never
comes from the checks that are tested.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from reconciler.config.kinds import KINDS
from reconciler.config.report import Problem
from reconciler.config.resources import TEMPLATE
from reconciler.config.scan import ScannedEntry, ScannedNode, line_and_column, scan, tokens
from reconciler.config.schema import Field, Slot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.templates.builtin import BUILTIN
from reconciler.config.templates.parameters import TYPES, Parameter, parameters_of
from reconciler.config.values import Reference, Text

SCOPES = ("for", "only", "remove")
SERVICE = KINDS["service"].field


class Verdict(Enum):
    """What has to come out."""

    invalid = "an error at the token"
    valid = "no error"
    either = "an error with a hint, or none"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One changed file. `line` and `column` are where the error has to be; no column means anywhere in the line."""

    what: str
    path: str
    text: str
    verdict: Verdict
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """A node of the tree with its place in the schema. `within` is the field around it; None at the top of a file."""

    path: str
    text: str
    node: ScannedNode
    name: str
    field: Field | None
    within: Field | None
    parent: ScannedNode | None
    in_scope: bool

    def slot(self, index: int) -> Slot | None:
        """The slot of the entry of that index, an argument or a property."""
        entry = self.node.entries[index]
        if self.field is None:
            return None
        if entry.key is not None:
            return self.field.keyed.get(entry.key)
        position = sum(e.key is None for e in self.node.entries[:index])
        arguments = self.field.arguments
        return arguments[position] if position < len(arguments) else self.field.rest


def sites(files: Mapping[str, str], attached: Iterable[SourceFile]) -> list[Site]:
    """Every node of the files, in order. `attached` are files that these name."""
    found: list[Site] = []
    sources = [SourceFile(path, text.encode()) for path, text in files.items()]
    snapshot, findings = read_snapshot([*sources, *attached])
    assert snapshot is not None, findings
    own = {name: r for (kind, name), r in snapshot.resources.items() if kind == TEMPLATE}
    calls = {name: call_field(parameters_of(resource.effective(""))) for name, resource in own.items()}
    calls |= {name: call_field(t.parameters("")) for name, t in BUILTIN.items() if name not in own}
    for path, text in sorted(files.items()):
        for node in scan(text).nodes:
            kind = KINDS[text[node.name.start : node.name.end]]
            found.extend(_walk(path, text, node, kind.field, None, None, False, calls))
    return found


def call_field(parameters: Mapping[str, Parameter]) -> Field:
    """What `template "…" { … }` in a service takes, as a field of the schema."""

    def child(parameter: Parameter) -> Field:
        slot = Slot("value", TYPES[parameter.type])
        return Field(
            parameter.name,
            "",
            arguments=() if parameter.many else (slot,),
            rest=slot if parameter.many else None,
            required=parameter.required,
        )

    name = Slot("name", Reference(TEMPLATE))
    return Field(TEMPLATE, "", arguments=(name,), children=tuple(map(child, parameters.values())))


def _walk(
    path: str,
    text: str,
    node: ScannedNode,
    field: Field | None,
    within: Field | None,
    parent: ScannedNode | None,
    in_scope: bool,
    calls: Mapping[str, Field],
) -> Iterator[Site]:
    name = text[node.name.start : node.name.end].strip('"')
    yield Site(path, text, node, name, field, within, parent, in_scope)
    block = within if field is None and name == "for" else field
    for child in node.children:
        child_name = text[child.name.start : child.name.end].strip('"')
        known = block.child.get(child_name) if block is not None else None
        if block is SERVICE and child_name == TEMPLATE:
            entry = child.entries[0].value
            known = calls[text[entry.start : entry.end].strip('"')]
        if known is not None or child_name in SCOPES:
            yield from _walk(path, text, child, known, block, node, in_scope or name == "for", calls)


def node_end(text: str, node: ScannedNode) -> int:
    """The offset behind a node: the end of its line, or of its block."""
    depth = 0
    for token in tokens(text):
        if token.start < node.name.start:
            continue
        if token.kind == "{":
            depth += 1
        elif token.kind == "}":
            depth -= 1
            if depth < 0:
                return token.start
        elif token.kind in ("newline", ";") and depth == 0:
            return token.start
    return len(text)


def typo(rng: random.Random, word: str) -> str:
    """The word with one letter left out, doubled, exchanged with its neighbour or replaced."""
    at = rng.randrange(len(word))
    kind = rng.randrange(4)
    if kind == 0 and len(word) > 2:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2 and at + 1 < len(word) and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + ("x" if word[at] != "x" else "y") + word[at + 1 :]


def _at(
    site: Site, offset: int, new: str, end: int, what: str, verdict: Verdict, shown: int = -1
) -> Mutation:
    """The text with [offset, end) replaced, and the expected place at `shown` of the new text."""
    text = site.text[:offset] + new + site.text[end:]
    line, column = line_and_column(text, offset if shown < 0 else shown)
    return Mutation(what, site.path, text, verdict, line, column)


def typo_of_a_name(rng: random.Random, site: Site) -> Mutation | None:
    """A field, a kind or `for`, `only`, `remove` misspelt."""
    new = typo(rng, site.name)
    known = set(KINDS) if site.within is None else {*site.within.child, *SCOPES, TEMPLATE}
    if new in known or not new or new[0] == "-":
        return None
    token = site.node.name
    return _at(site, token.start, new, token.end, f"{site.name} → {new}", Verdict.invalid)


def typo_of_a_value(rng: random.Random, site: Site) -> Mutation | None:
    """A value misspelt: an error when its type does not take it; the name of a resource is another resource."""
    found = _entry(rng, site)
    if found is None:
        return None
    entry, slot = found
    raw = site.text[entry.value.start : entry.value.end]
    if not raw.startswith('"') or raw.startswith('"""') or "\\" in raw or len(raw) < 4:
        return None
    new = typo(rng, raw[1:-1])
    if new.strip() != new or not new:
        return None
    wrong = isinstance(slot.type.read(new), Problem)
    verdict = Verdict.invalid if wrong else Verdict.valid if type(slot.type) is Text else Verdict.either
    return _at(site, entry.value.start, f'"{new}"', entry.value.end, f"{raw} → {new}", verdict)


def change_of_a_type(rng: random.Random, site: Site) -> Mutation | None:
    """A number for a string, a string for a number, a truth value for either."""
    found = _entry(rng, site)
    if found is None:
        return None
    entry, slot = found
    raw = site.text[entry.value.start : entry.value.end]
    value, written = rng.choice(
        [(42, "42"), (True, "#true"), (None, "#null"), ("some text", '"some text"'), (1.5, "1.5")]
    )
    if not isinstance(slot.type.read(value), Problem):
        return None
    return _at(site, entry.value.start, written, entry.value.end, f"{raw} → {written}", Verdict.invalid)


def broken_reference(rng: random.Random, site: Site) -> Mutation | None:
    """The name of a resource that does not exist."""
    entries = [
        entry
        for index, entry in enumerate(site.node.entries)
        if _refers(site.slot(index)) or (site.field is None and site.name in ("for", "only"))
    ]
    if not entries:
        return None
    entry = rng.choice(entries)
    raw = site.text[entry.value.start : entry.value.end]
    new = f"{raw.strip(chr(34))}-{rng.randrange(100, 999)}"
    return _at(site, entry.value.start, f'"{new}"', entry.value.end, f"{raw} → {new}", Verdict.invalid)


def _refers(slot: Slot | None) -> bool:
    return slot is not None and isinstance(slot.type, Reference)


def duplicate(rng: random.Random, site: Site) -> Mutation | None:
    """A node a second time, in the line behind it."""
    end = node_end(site.text, site.node)
    copy = site.text[site.node.name.start : end].rstrip()
    text = f"{site.text[:end].rstrip()}\n{copy}\n{site.text[end:]}"
    line, _ = line_and_column(text, len(site.text[:end].rstrip()) + 1)
    keyless = site.field is not None and site.field.repeatable and not site.field.arguments
    verdict = Verdict.either if keyless or _may_repeat(site) else Verdict.invalid
    return Mutation(f"{site.name} twice", site.path, text, verdict, line)


def _may_repeat(site: Site) -> bool:
    """Whether what is written out twice may be meant: `only` and `remove` add names, and several say nothing wrong."""
    return site.field is None and site.name in ("only", "remove")


def deletion(rng: random.Random, site: Site) -> Mutation | None:
    """A node left out: an error in the block around it when the schema asks for it."""
    end = node_end(site.text, site.node)
    text = site.text[: site.node.name.start] + site.text[end:]
    verdict, line, column = Verdict.either, 0, 0
    if site.parent is not None and site.field is not None and site.within is not None:
        alone = sum(
            site.text[n.name.start : n.name.end].strip('"') == site.name for n in site.parent.children
        )
        if site.field.required and alone == 1 and not site.in_scope:
            verdict = Verdict.invalid
            line, column = line_and_column(text, site.parent.name.start)
        elif type(_only_type(site.field)) is Text and not site.field.required:
            verdict = Verdict.valid
    return Mutation(f"without {site.name}", site.path, text, verdict, line, column)


def _only_type(field: Field) -> object:
    return field.arguments[0].type if field.is_scalar else None


def value_left_out(rng: random.Random, site: Site) -> Mutation | None:
    """A node without its only value."""
    if site.field is None or len(site.node.entries) != 1 or not (site.field.is_scalar or site.field.is_list):
        return None
    token = site.node.entries[0].value
    what = f"{site.name} without a value"
    return _at(site, token.start, "", token.end, what, Verdict.invalid, site.node.name.start)


def one_value_too_many(rng: random.Random, site: Site) -> Mutation | None:
    """A second value behind a field that takes one."""
    if site.field is None or not site.field.is_scalar or len(site.node.entries) != 1:
        return None
    at = site.node.entries[0].value.end
    return _at(site, at, ' "more"', at, f"{site.name} with two values", Verdict.invalid, at + 1)


def unknown_property(rng: random.Random, site: Site) -> Mutation | None:
    """A property that the schema does not know."""
    if site.field is None or not site.node.entries:
        return None
    at = max(entry.value.end for entry in site.node.entries)
    return _at(site, at, " nonesuch=1", at, f"{site.name} nonesuch=1", Verdict.invalid, at + 1)


def harmless(rng: random.Random, site: Site) -> Mutation | None:
    """A comment, a blank line or a dropped copy: nothing that means anything."""
    start = site.node.name.start
    new = rng.choice(["\n\n", "// a comment\n", "/* a\ncomment */ ", "/- dropped 5 {\n  thing\n}\n"])
    text = site.text[:start] + new + site.text[start:]
    return Mutation("nothing", site.path, text, Verdict.valid)


def _entry(rng: random.Random, site: Site) -> tuple[ScannedEntry, Slot] | None:
    known = [(entry, site.slot(index)) for index, entry in enumerate(site.node.entries)]
    usable = [(entry, slot) for entry, slot in known if slot is not None]
    return rng.choice(usable) if usable else None


MUTATORS = (
    typo_of_a_name,
    typo_of_a_value,
    change_of_a_type,
    broken_reference,
    duplicate,
    deletion,
    value_left_out,
    one_value_too_many,
    unknown_property,
    harmless,
)


def mutations(
    files: Mapping[str, str], attached: Iterable[SourceFile], seed: int, count: int
) -> Iterator[Mutation]:
    """`count` mutations of the files, the same for the same seed; every mutator has its turn."""
    rng = random.Random(seed)
    every = sites(files, attached)
    made = 0
    while made < count:
        mutator = MUTATORS[made % len(MUTATORS)]
        mutation = mutator(rng, rng.choice(every))
        if mutation is not None and mutation.text != files[mutation.path]:
            made += 1
            yield mutation
