"""Which nodes are meant: `region=eu-west and tier in (edge, core) and not group:canaries`.

`read_selector` takes the language apart, `text_of` writes it in its one canonical form, `matches` asks a node's labels.
A group stands for its selector, so what a node belongs to is always told from its labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.errors import Refused


@dataclass(frozen=True, slots=True)
class Label:
    """The node has this label, with one of these values; none given: with whatever value."""

    key: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The node belongs to the node-group of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    of: Selector


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds. There is at least one."""

    of: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds. There is at least one."""

    of: tuple[Selector, ...]


Selector = Label | Group | Not | All | AnyOf
Groups = Mapping[str, Selector]
"""The node-groups of a commit, each as the selector that its lines amount to."""


def groups_of(named: Iterable[tuple[str, Iterable[tuple[str, tuple[str, ...]]]]]) -> Groups:
    """Node-groups from names and lines: a label, and the values of which a node has to have one.

    ValueError when a group has no line, or a line no value: a group never is everybody by an oversight.
    """
    groups = {}
    for name, lines in named:
        parts = tuple(Label(key, values) for key, values in lines)
        if not parts or not all(part.values for part in parts):
            raise ValueError(f"the node-group '{name}' has a line, and each line a value")
        groups[name] = canonical(All(parts))
    return groups


def matches(selector: Selector, labels: Mapping[str, str], groups: Groups) -> bool:
    """Whether a node with these labels is meant. Raises `Refused` (E-NOD-101) for a group that is not in `groups`:
    nobody is meant by a name that says nothing, and least of all everybody by its opposite."""
    match selector:
        case Label(key, values):
            return key in labels and (not values or labels[key] in values)
        case Group(name):
            return matches(_of(name, groups), labels, groups)
        case Not(of):
            return not matches(of, labels, groups)
        case All(of):
            # Every part is looked at, so that an unknown group is noticed whatever the node's labels are.
            return min([matches(part, labels, groups) for part in of])
        case AnyOf(of):
            return max([matches(part, labels, groups) for part in of])


def groups_in(selector: Selector) -> frozenset[str]:
    """The names of the groups that a selector mentions."""
    match selector:
        case Label():
            return frozenset()
        case Group(name):
            return frozenset((name,))
        case Not(of):
            return groups_in(of)
        case All(of) | AnyOf(of):
            return frozenset().union(*map(groups_in, of))


def resolved(selector: Selector, groups: Groups) -> Selector:
    """The same with each group replaced by its selector: for many nodes, and for what has to stay as it was meant.

    Raises `Refused` (E-NOD-101) for a group that is not in `groups`.
    """
    match selector:
        case Label():
            return selector
        case Group(name):
            return resolved(_of(name, groups), groups)
        case Not(of):
            return canonical(Not(resolved(of, groups)))
        case All(of):
            return canonical(All(tuple(resolved(part, groups) for part in of)))
        case AnyOf(of):
            return canonical(AnyOf(tuple(resolved(part, groups) for part in of)))


def belongs_to(labels: Mapping[str, str], groups: Groups) -> tuple[str, ...]:
    """The sorted names of the groups that a node with these labels is in."""
    return tuple(name for name in sorted(groups) if matches(groups[name], labels, groups))


def canonical(selector: Selector) -> Selector:
    """The one form of all selectors that differ in order, repetition, brackets or double negation alone."""
    match selector:
        case Label(key, values):
            return Label(key, tuple(sorted(set(values))))
        case Group():
            return selector
        case Not(of):
            plain = canonical(of)
            return plain.of if isinstance(plain, Not) else Not(plain)
        case All(of):
            parts = _parts(of, All)
            return parts[0] if len(parts) == 1 else All(parts)
        case AnyOf(of):
            parts = _parts(of, AnyOf)
            return parts[0] if len(parts) == 1 else AnyOf(parts)


def _parts(of: tuple[Selector, ...], kind: type[All] | type[AnyOf]) -> tuple[Selector, ...]:
    flat: dict[str, Selector] = {}
    for part in map(canonical, of):
        for one in part.of if isinstance(part, All | AnyOf) and isinstance(part, kind) else (part,):
            flat[text_of(one)] = one
    return tuple(flat[text] for text in sorted(flat))


def text_of(selector: Selector) -> str:
    """The selector as people write it; of a canonical selector the canonical text."""
    match selector:
        case Label(key, ()):
            return f"has {key}"
        case Label(key, (value,)):
            return f"{key}={value}"
        case Label(key, values):
            return f"{key} in ({', '.join(values)})"
        case Group(name):
            return f"group:{name}"
        case Not(of):
            return f"not {_inner(of)}"
        case All(of):
            return " and ".join(_inner(part) for part in of)
        case AnyOf(of):
            return " or ".join(text_of(part) if isinstance(part, All) else _inner(part) for part in of)


def _inner(selector: Selector) -> str:
    return f"({text_of(selector)})" if isinstance(selector, All | AnyOf) else text_of(selector)


def _of(name: str, groups: Groups) -> Selector:
    if name not in groups:
        known = ", ".join(sorted(groups)[:12]) or "none"
        raise Refused(
            "E-NOD-101",
            f"the selector names the node-group '{name}', which does not exist",
            cure=f"Write one of the node-groups of trunk: {known}",
        )
    return groups[name]
