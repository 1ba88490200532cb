"""A snapshot: all resources of one commit's tree, read and checked. A pure function of the files' bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.config import limits
from reconciler.config.crossing import check_crossing
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.kdl import ParsedFile, parse_file
from reconciler.config.kinds import KINDS
from reconciler.config.policies import policies_of
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.references import check_references
from reconciler.config.remembered import Memory
from reconciler.config.report import Problem, Report
from reconciler.config.resource_reading import Key, read_resources
from reconciler.config.resources import Resource
from reconciler.config.rules.evaluate import check_rules
from reconciler.config.rules.scope import check_scopes
from reconciler.config.signers import read_signers
from reconciler.config.source import ATTACHED, LANGUAGE, SIGNERS, SourceFile, is_read
from reconciler.config.tripwire import search

Effective = tuple[tuple[Resource, Mapping[str, Any]], ...]
"""Resources, each with its data in some environment."""


class Of:
    """The resources of one kind, in the order of their names, as they are effective in each environment.

    Environments for which none of them has anything special are given the very same objects.
    """

    __slots__ = ("_effective", "_resources", "_same", "_special")

    def __init__(self, resources: tuple[Resource, ...]) -> None:
        self._resources = resources
        limited = any(one.only is not None for one in resources)
        self._special = None if limited else {name for one in resources for name in one.overrides}
        """Environments that differ from the others; None when each may."""
        self._effective: dict[str, Effective] = {}
        self._same: dict[str, tuple[int, ...]] = {}

    def within(self, environment: str) -> Effective:
        """Those that exist in the environment, each with its data there."""
        name = self._name(environment)
        if name not in self._effective:
            self._effective[name] = tuple(
                [(one, one.effective(environment)) for one in self._resources if one.is_in(environment)]
            )
        return self._effective[name]

    def same(self, environment: str) -> tuple[int, ...]:
        """Equal for two environments in which the very same data is effective."""
        name = self._name(environment)
        if name not in self._same:
            self._same[name] = tuple([id(data) for _, data in self.within(environment)])
        return self._same[name]

    def _name(self, environment: str) -> str:
        return environment if self._special is None or environment in self._special else ""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is effective in one environment.

    `attached` are the files that resources may name, by path.
    """

    policy: EnvironmentPolicy
    kinds: Mapping[str, Of]
    attached: Mapping[str, bytes]
    _ingredients: list[tuple[Any, ...]] = field(default_factory=list, compare=False, repr=False)

    def of(self, kind: str) -> Effective:
        """The resources of a kind, each with its data in this environment."""
        return self.kinds[kind].within(self.policy.name) if kind in self.kinds else ()

    def each(self) -> Iterator[tuple[str, Resource, Mapping[str, Any]]]:
        """All resources with their kinds and their data in this environment."""
        for kind in self.kinds:
            yield from ((kind, resource, data) for resource, data in self.of(kind))

    def ingredients(self) -> tuple[Any, ...]:
        """Equal for two environments of one snapshot that have the same resources with the very same data.

        They differ in their policies, and in what depends on the environment's name.
        """
        if not self._ingredients:
            made = [(kind, *those.same(self.policy.name)) for kind, those in self.kinds.items()]
            self._ingredients.append(tuple(made))
        return self._ingredients[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Resources by (kind, name), in that order whatever the order of files and lines was.

    `policies` are in promotion order: an environment comes after all it names in `after`. `attached` are the other
    files of the tree, by path.
    """

    resources: Mapping[Key, Resource]
    policies: tuple[EnvironmentPolicy, ...]
    attached: Mapping[str, bytes] = field(repr=False)
    _rendered: dict[str, Rendering] = field(default_factory=dict, init=False, compare=False, repr=False)
    _kinds: dict[str, Of] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments in promotion order."""
        return tuple(policy.name for policy in self.policies)

    @property
    def project(self) -> Resource:
        return next(resource for (kind, _), resource in self.resources.items() if kind == "project")

    def rendering(self, environment: str) -> Rendering:
        """The resources effective in that environment. Raises KeyError when there is no such environment."""
        if environment not in self._rendered:
            policy = next((p for p in self.policies if p.name == environment), None)
            if policy is None:
                raise KeyError(environment)
            self._rendered[environment] = Rendering(policy, self._by_kind(), self.attached)
        return self._rendered[environment]

    def _by_kind(self) -> Mapping[str, Of]:
        if not self._kinds:
            found: dict[str, list[Resource]] = {}
            for (kind, _), resource in self.resources.items():
                found.setdefault(kind, []).append(resource)
            self._kinds.update({kind: Of(tuple(those)) for kind, those in found.items()})
        return self._kinds

    def to_json(self) -> list[dict[str, Any]]:
        """The canonical JSON form: every resource as it is written, sorted by kind and name."""
        return [resource.to_json() for resource in self.resources.values()]


@dataclass(frozen=True, slots=True)
class Tree:
    """The resources of a tree, each sound or reported, in order; `whole` unless something could not be read. `attached`
    are the other files, by path."""

    resources: Mapping[Key, Resource]
    attached: Mapping[str, bytes] = field(repr=False)
    whole: bool
    report: Report = field(repr=False)


def read_snapshot(
    files: Iterable[SourceFile], memory: Memory | None = None
) -> tuple[Snapshot | None, tuple[Finding, ...]]:
    """The snapshot of the `*.kdl` files among these, and all findings; None when any of them is an error.

    Of the other files, those count that resources may name (`source.ATTACHED`). All are searched for credentials; a
    file with one is not read, because messages show what they are about.
    """
    return checked(read_files(files, memory or Memory()))


def read_files(files: Iterable[SourceFile], memory: Memory) -> Tree:
    """What `read_snapshot` does before it looks at what resources have to do with one another. What `memory` has of a
    file is taken from there."""
    report = Report()
    given = tuple(files)
    sources = sorted((f for f in given if is_read(f.path)), key=lambda f: f.path)
    wanted = [f for f in sources if f.path.endswith(LANGUAGE)]
    attached = {f.path: f.content for f in sources if f.path.endswith(ATTACHED)}
    if not _within_limits(wanted, report):
        return Tree({}, attached, whole=False, report=report)
    recalled = {f.path: known for f in wanted if (known := memory.recall(f)) is not None}
    tripped = search(given, clean=recalled, marked=memory.marked)
    report.extend(tripped)
    for signers in (f for f in sources if f.path == SIGNERS):
        report.extend(read_signers(signers.content)[1])
    silent = {finding.place.path for finding in tripped if finding.place is not None}
    parsed, whole = _parse([f for f in wanted if f.path not in silent], recalled, report)
    whole = whole and not any(f.path in silent for f in wanted)
    resources: dict[Key, Resource] = {}
    whole = read_resources(parsed, resources, report, memory) and whole
    return Tree({key: resources[key] for key in sorted(resources)}, attached, whole=whole, report=report)


def checked(tree: Tree, snapshot: Snapshot | None = None) -> tuple[Snapshot | None, tuple[Finding, ...]]:
    """The snapshot of a tree, and all findings; None when any of them is an error. `snapshot` is what the tree is, when
    it has been made before."""
    report, ordered = tree.report, tree.resources
    if tree.whole:
        # With a part of the tree unread, what seems to be missing may be in that part.
        _check_single(ordered, report)
        if sum(kind == "environment" for kind, _ in ordered) <= limits.ENVIRONMENTS:
            check_references(ordered, report)
            check_crossing(ordered, tree.attached, report)
            check_rules(ordered, report, without=check_scopes(ordered, report))
    if report.failed:
        return None, report.resolved()
    return snapshot or snapshot_of(ordered, tree.attached), report.resolved()


def snapshot_of(ordered: Mapping[Key, Resource], attached: Mapping[str, bytes]) -> Snapshot:
    """The snapshot of sound resources, which are in order."""
    return Snapshot(MappingProxyType(dict(ordered)), policies_of(ordered), MappingProxyType(dict(attached)))


def _within_limits(files: list[SourceFile], report: Report) -> bool:
    total = sum(len(file.content) for file in files)
    if not files:
        hint = "sentinelctl explain project shows how to begin"
        report.add(None, Problem("E-TRE-001", "there is no *.kdl file", "at least one", hint))
    elif len(files) > limits.FILES:
        hint = "put several resources into one file"
        report.add(
            None, Problem("E-TRE-002", f"there are {len(files)} *.kdl files", f"at most {limits.FILES}", hint)
        )
    elif total > limits.TOTAL_BYTES:
        problem = Problem(
            "E-TRE-003",
            f"the *.kdl files have {total} bytes",
            f"at most {limits.TOTAL_BYTES}",
            "split the repository into projects",
        )
        report.add(None, problem)
    return not report.failed


def _parse(
    files: list[SourceFile], recalled: Mapping[str, ParsedFile], report: Report
) -> tuple[list[ParsedFile], bool]:
    parsed: list[ParsedFile] = []
    whole, nodes, unreadable = True, 0, 0
    for source in files:
        if unreadable >= limits.UNREADABLE_FILES:
            report.extend([_left_out(source)])
            return parsed, False
        file = recalled.get(source.path)
        if file is None:
            file, findings = parse_file(source.content, source.path)
            report.extend(findings)
        if file is None:
            whole = False
            unreadable += 1
            continue
        nodes += file.count
        if nodes > limits.NODES_IN_TREE:
            finding = Finding(
                "E-TRE-003",
                Severity.error,
                Place(file.path, 1, 1),
                f"the tree has more than {limits.NODES_IN_TREE} nodes",
                "fewer",
                "split the repository into projects",
            )
            report.extend([finding])
            return parsed, False
        parsed.append(file)
    return parsed, whole


def _left_out(source: SourceFile) -> Finding:
    message = f"{limits.UNREADABLE_FILES} files cannot be read; this file and those behind it were left out"
    hint = "correct the ones shown first"
    return Finding("E-TRE-004", Severity.info, Place(source.path, 1, 1), message, hint=hint)


def _check_single(resources: Mapping[Key, Resource], report: Report) -> None:
    for kind in KINDS.values():
        if not kind.single:
            continue
        found = [resource for (name, _), resource in resources.items() if name == kind.name]
        if not found:
            hint = f"add: {kind.field.example.splitlines()[0].removesuffix(' {')}"
            report.add(
                None, Problem("E-KND-012", f"there is no {kind.name}", f"exactly one {kind.name}", hint)
            )
        for extra in found[1:]:
            problem = Problem(
                "E-KND-012",
                f"there is a second {kind.name}; the first is '{found[0].name}'",
                f"exactly one {kind.name}",
                "remove one of the two",
            )
            report.add(extra.mark(), problem)
    environments = [resource for (name, _), resource in resources.items() if name == "environment"]
    if not environments:
        hint = 'add: environment "production"'
        report.add(None, Problem("E-KND-012", "there is no environment", "at least one environment", hint))
    if len(environments) > limits.ENVIRONMENTS:
        problem = Problem(
            "E-TRE-005",
            f"there are {len(environments)} environments",
            f"at most {limits.ENVIRONMENTS}",
            "use node-groups inside an environment",
        )
        report.add(environments[limits.ENVIRONMENTS].mark(), problem)
