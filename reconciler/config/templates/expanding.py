"""Makes an ordinary service of one that names a template.

What a service says itself wins over the template, name by name: a child named there replaces all children of that
name, `remove "name"` drops one. What its `for` blocks say wins over both. The result is a node like any other, with
`for` blocks wherever something is different, so that the reader need not know of templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.config.kdl import EMPTY, KdlNode, ParsedFile
from reconciler.config.kinds import service
from reconciler.config.overrides import FOR, ONLY, REMOVE, environments_of, read_resource, removal_problem
from reconciler.config.reading import Reader
from reconciler.config.report import Mark, Planted, PlantedFile, Problem, Report
from reconciler.config.resources import TEMPLATE, Call, Override, Resource, Written
from reconciler.config.templates.calls import Caller, Template, named, read_call
from reconciler.config.templates.planting import Allowance, Planter

KIND = service.KIND
_ASIDE = frozenset({FOR, ONLY.name, REMOVE, TEMPLATE})


def names_template(node: KdlNode) -> bool:
    """Whether a service, or a `for` in it, names a template."""
    for child in node.children:
        if child.name == TEMPLATE:
            return True
        if child.name == FOR and any(inner.name == TEMPLATE for inner in child.children):
            return True
    return False


def read_from_template(
    node: KdlNode,
    file: ParsedFile,
    templates: Mapping[str, Template],
    report: Report,
    allowance: Allowance,
) -> Resource | None:
    """The resource that comes out, with what is written beside it; None when it has no usable name.

    Raises TooMuch when the templates of the tree make more than a tree may hold.
    """
    name = node.arguments[0] if node.arguments else None
    caller = Caller(file, name if isinstance(name, str) else "", report)
    expansion = _Expansion(node, caller, templates, allowance)
    children = expansion.children()
    whole = KdlNode(node.name, node.arguments, node.properties, tuple(children))
    marks = [Mark(file, node, argument=index) for index in range(len(node.arguments))]
    keyed = {key: (Mark(file, node, property_key=key), "") for key in node.properties}
    expansion.planted[id(whole)] = Planted(
        whole, (Mark(file, node), ""), tuple((mark, "") for mark in marks), keyed
    )
    planted = PlantedFile(file.path, file.text, file.nodes, file.count, expansion.planted)
    resource = read_resource(KIND, whole, planted, report)
    if resource is None or resource.origin is None:
        return None
    origin = resource.origin
    if expansion.failed:
        # What a template did not give is not missing: it has been told why there is nothing.
        everything = frozenset(KIND.field.child)
        origin = replace(origin, present=dict.fromkeys(origin.present, everything), broken=True)
    return replace(resource, origin=origin, written=expansion.written())


@dataclass(slots=True)
class _Expansion:
    service: KdlNode
    caller: Caller
    templates: Mapping[str, Template]
    allowance: Allowance
    planted: dict[int, Planted] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    failed: bool = False
    _found: dict[int, Template | None] = field(default_factory=dict)
    _removed: list[str] = field(default_factory=list)

    def children(self) -> list[KdlNode]:
        """The children of the service that comes out."""
        node = self.service
        own = [child for child in node.children if child.name not in _ASIDE]
        calls = [child for child in node.children if child.name == TEMPLATE]
        call = self._single(calls)
        given = self._planted(call, "", said=True) if call is not None else []
        self._removed = self._removals(own, given)
        base = _overlaid(given, own, self._removed)
        blocks: list[KdlNode] = []
        seen: set[object] = set()
        for child in node.children:
            if child.name == FOR:
                blocks += self._blocks(child, call, own, base)
                seen.update(child.arguments)
        for environment in sorted(self._elsewhere(call) - seen):
            blocks += self._different(environment, None, call, own, base)
        return [*base, *blocks, *(child for child in node.children if child.name == ONLY.name)]

    def written(self) -> Written:
        """What stands in the file, read without noting mistakes a second time."""
        reader = Reader(self.caller.file, Report())

        def data(nodes: Iterable[KdlNode]) -> dict[str, object]:
            kept = [child for child in nodes if child.name not in _ASIDE]
            return reader.fields(KIND.field, kept, parent=self.service, require=False)

        overrides: dict[str, Override] = {}
        for child in self.service.children:
            if child.name == FOR:
                override = Override(data(child.children), tuple(sorted(_named(child.children))))
                overrides.update({n: override for n in child.arguments if isinstance(n, str)})
        return Written(self.calls, data(self.service.children), overrides, tuple(sorted(self._removed)))

    def _single(self, calls: list[KdlNode]) -> KdlNode | None:
        for extra in calls[1:]:
            problem = Problem(
                "E-KND-004",
                f"'{TEMPLATE}' stands here twice",
                "it once",
                "remove one of the two: a service is made from one template",
            )
            self.caller.complain(extra, problem)
            self.failed = True
        return calls[0] if calls else None

    def _template(self, call: KdlNode) -> Template | None:
        if id(call) not in self._found:
            self._found[id(call)] = named(self.caller, call, self.templates)
        return self._found[id(call)]

    def _planted(self, call: KdlNode, environment: str, *, said: bool) -> list[KdlNode]:
        """What a call gives in an environment; nothing when it cannot be read. `said`: the call stands for it."""
        template = self._template(call)
        read = None
        if template is not None and not template.broken:
            read = read_call(self.caller, call, template, environment)
        if template is None or read is None:
            self.failed = True
            return []
        given, as_written = read
        if said:
            self.calls[environment] = as_written
        mark = Mark(self.caller.file, call, argument=0)
        user = f"the service '{self.caller.name}'"
        planter = Planter(template.file, mark, user, template.name, given, self.allowance, self.planted)
        return planter.block(template.body(environment), KIND.field) or []

    def _removals(self, own: list[KdlNode], given: list[KdlNode]) -> list[str]:
        """What the service leaves out of its template's fields."""
        found: list[str] = []
        names, base = _names(own), _names(given)
        for node in self.service.children:
            if node.name != REMOVE:
                continue
            if not node.arguments:
                problem = Problem(
                    "E-KND-005", "'remove' lacks the name of a field", "a field's name", "write it behind it"
                )
                self.caller.complain(node, problem)
            for index, value in enumerate(node.arguments):
                problem_of = removal_problem(KIND, value, names, base, found)
                if problem_of is None and isinstance(value, str):
                    found.append(value)
                elif problem_of is not None and not self.failed:
                    self.caller.complain(node, problem_of, index)
        return found

    def _elsewhere(self, call: KdlNode | None) -> set[str]:
        """Environments in which the service's template is different, as far as the service exists there."""
        template = self._template(call) if call is not None else None
        if template is None or template.broken:
            return set()
        limits = [child.arguments for child in self.service.children if child.name == ONLY.name]
        names = set(template.environments)
        return names if not limits else names & {str(name) for found in limits for name in found}

    def _blocks(
        self, node: KdlNode, call: KdlNode | None, own: list[KdlNode], base: list[KdlNode]
    ) -> list[KdlNode]:
        """What a `for` of the service becomes: itself, unless a template is different there or another one."""
        special = any(child.name == TEMPLATE for child in node.children) or TEMPLATE in _named(node.children)
        elsewhere = self._elsewhere(call)
        if not special and elsewhere.isdisjoint(node.arguments):
            return [node]
        names = [name for name in node.arguments if isinstance(name, str)]
        if len(names) < len(node.arguments) or not names:
            environments_of(node, Reader(self.caller.file, self.caller.report))
            self.failed = True
            return []
        found: list[KdlNode] = []
        for index, environment in enumerate(names):
            found += self._different(environment, (node, index), call, own, base)
        return found

    def _made(self, node: KdlNode, stands_for: KdlNode, arguments: Iterable[int] | None = None) -> KdlNode:
        """A node that stands for one of the service, and has those of its arguments."""
        file = self.caller.file
        indices = range(len(stands_for.arguments)) if arguments is None else arguments
        marks = tuple((Mark(file, stands_for, argument=index), "") for index in indices)
        keyed = {key: (Mark(file, stands_for, property_key=key), "") for key in stands_for.properties}
        self.planted[id(node)] = Planted(node, (Mark(file, stands_for), ""), marks, keyed)
        return node

    def _different(
        self,
        environment: str,
        block: tuple[KdlNode, int] | None,
        call: KdlNode | None,
        own: list[KdlNode],
        base: list[KdlNode],
    ) -> list[KdlNode]:
        """A `for` of one environment that holds all that is different there; none when nothing is."""
        inside = list(block[0].children) if block else []
        removals = _named(inside)
        there = self._single([child for child in inside if child.name == TEMPLATE])
        leaves = call is not None and TEMPLATE in removals
        used = there or (None if leaves else call)
        given = self._planted(used, environment, said=used is there) if used is not None else []
        before = _overlaid(given, own, self._removed)
        mine = [child for child in inside if child.name not in (TEMPLATE, REMOVE)]
        effective = _overlaid(before, mine, removals)
        changed = [n for n in _names(effective) if _of(effective, n) != _of(base, n) or n in _names(mine)]
        dropped = sorted(_names(base) - _names(effective) - removals)
        children = [child for child in effective if child.name in changed]
        only_here = _names(before) - _names(base)
        children += self._kept_removals(inside, only_here | {TEMPLATE} if leaves else only_here)
        if dropped:
            children.append(KdlNode(REMOVE, tuple(dropped)))
        if block is None:
            made = KdlNode(FOR, (environment,), EMPTY, tuple(children))
            return [self._made(made, call, (0,))] if children and call is not None else []
        if not children and inside:
            return []
        made = KdlNode(FOR, (environment,), block[0].properties, tuple(children))
        return [self._made(made, block[0], (block[1],))]

    def _kept_removals(self, inside: list[KdlNode], settled: frozenset[str]) -> list[KdlNode]:
        """The `remove` lines of a `for` without the names that are dealt with: what only the template of that
        environment has, and the template itself."""
        kept: list[KdlNode] = []
        for node in inside:
            if node.name != REMOVE:
                continue
            indices = [index for index, value in enumerate(node.arguments) if value not in settled]
            if indices or not node.arguments:
                made = KdlNode(REMOVE, tuple(node.arguments[i] for i in indices), node.properties)
                kept.append(self._made(made, node, indices))
        return kept


def _overlaid(under: list[KdlNode], over: list[KdlNode], removed: Iterable[str]) -> list[KdlNode]:
    gone = _names(over) | frozenset(removed)
    return [*(node for node in under if node.name not in gone), *over]


def _names(nodes: Iterable[KdlNode]) -> frozenset[str]:
    return frozenset(node.name for node in nodes)


def _of(nodes: list[KdlNode], name: str) -> list[KdlNode]:
    return [node for node in nodes if node.name == name]


def _named(nodes: Iterable[KdlNode]) -> frozenset[str]:
    """The names in the `remove` lines among these nodes."""
    return frozenset(
        value for node in nodes if node.name == REMOVE for value in node.arguments if isinstance(value, str)
    )
