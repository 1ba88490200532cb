"""What a plan says would change is what changes, on nodes that get the bundles and read them with another parser."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.bundle.archive import read_tar
from reconciler.bundle.build import build_bundle
from reconciler.cli.validate import check
from reconciler.config.source import SourceFile
from reconciler.plan.model import Side, Standing
from reconciler.plan.planning import make_plan
from reconciler.simulator.scan import Node, scan
from tests.unit.plan.planned import BASE, COMMON, HEAD, MERGED, NOW, service

FLEET = {"dev": 3, "production": 4}
SERVICES = ("a", "b", "c")


@dataclass(frozen=True)
class Written:
    """One side of a merge: some services, and what they share."""

    services: dict[str, str]
    target: int
    rate: int
    issuer: str
    remark: str

    @property
    def files(self) -> list[SourceFile]:
        shared = f"""\
            upstream "next" {{ target "10.0.0.{self.target}:80" }}
            middleware "tight" {{ rate-limit {{ requests-per-second {self.rate} }} }}
            auth-policy "customers" {{
                oidc {{ issuer "{self.issuer}"; jwks-url "https://id.example/jwks.json"; audience "shop" }}
            }}
            // {self.remark}
        """
        texts = ["".join(COMMON), shared, service("always"), *self.services.values()]
        return [SourceFile(f"part-{n}.kdl", text.encode()) for n, text in enumerate(texts)]


@st.composite
def written(draw: st.DrawFn) -> Written:
    services = {}
    for name in SERVICES:
        parts = [
            draw(st.sampled_from(['upstream "shop"', 'upstream "next"'])),
            draw(st.sampled_from(["", 'path-prefix "/x"'])),
            draw(st.sampled_from(["", 'auth "customers"'])),
            draw(st.sampled_from(["", 'middleware "tight"'])),
            draw(st.sampled_from(["", 'only "dev"', 'for "production" { upstream "next" }'])),
        ]
        inside = "\n".join([f'hosts "{name}.example"', *parts])
        if draw(st.booleans()):
            services[name] = f'service "{name}" {{\n{inside}\n}}\n'
    return Written(
        services,
        draw(st.integers(1, 2)),
        draw(st.sampled_from([100, 200])),
        draw(st.sampled_from(["https://id.example", "https://other.example"])),
        draw(st.sampled_from(["as before", "said otherwise"])),
    )


@dataclass
class Machine:
    """A node of the fleet: what it was given, and how often it had to do something about it."""

    environment: str
    files: dict[str, bytes] = field(default_factory=dict)
    changes: int = -1

    def take(self, tar: bytes) -> None:
        """Activate its environment's part of a bundle, when that is another one than before."""
        own = f"/{self.environment}/"
        files = {path: content for path, content in read_tar(tar).items() if own in path}
        if files != self.files:
            self.files, self.changes = files, self.changes + 1

    def routes(self) -> dict[str, str]:
        """What each route does, with all that it names: upstreams, filters, agents and their files."""
        document = scan(self.files[f"config/{self.environment}/sentinel.kdl"].decode())
        blocks = {
            (kind, node.arguments[0]): node
            for outer, kind in (("upstreams", "upstream"), ("filters", "filter"), ("agents", "agent"))
            for node in document.all(outer, kind)
        }
        found = {}
        for route in document.all("routes", "route"):
            said, waiting = [], [route]
            while waiting:
                node = waiting.pop()
                said.append(flat(node))
                for child in node.children:
                    kind = child.name.removesuffix("s")
                    waiting += [blocks[kind, name] for name in child.arguments if (kind, name) in blocks]
                    said += [str(self.files.get(path)) for path in self.named(kind, child.arguments)]
            found[route.arguments[0]] = "\n".join(sorted(said))
        return found

    def named(self, kind: str, names: list[str]) -> list[str]:
        """The files that an agent reads."""
        ways = [name.removeprefix("sentinel-").partition("-") for name in names if kind == "agent"]
        return [f"agents/{self.environment}/{way}/{name}.json" for way, _, name in ways]


def flat(node: Node) -> str:
    return f"{node.name} {node.arguments} {sorted(node.properties.items())} [{' '.join(map(flat, node.children))}]"


def built(files: list[SourceFile], commit: str) -> tuple[Side, bytes]:
    compilation, findings = check(files)
    assert compilation is not None, findings
    bundle = build_bundle(compilation)
    return Side(commit, commit, findings, compilation, bundle.digest), bundle.tar


@given(written(), written(), st.sets(st.sampled_from(SERVICES)))
@settings(max_examples=15, deadline=None)
def test_the_nodes_and_routes_of_a_plan_are_those_that_change(
    before: Written, after: Written, kept: set[str]
) -> None:
    # Most of the services of two draws differ in everything; those that are kept differ in what is shared alone.
    same = {name: text for name, text in before.services.items() if name in kept}
    others = {name: text for name, text in after.services.items() if name not in kept}
    after = Written({**same, **others}, after.target, after.rate, after.issuer, after.remark)
    (base, old), (merged, new) = built(before.files, BASE), built(after.files, MERGED)
    standings = {name: Standing(base.digest, count) for name, count in FLEET.items()}
    plan = make_plan(Side(HEAD, HEAD), base, merged, now=NOW, standings=standings)
    for environment in plan.environments:
        fleet = [Machine(environment.name) for _ in range(FLEET[environment.name])]
        for machine in fleet:
            machine.take(old)
        routes = fleet[0].routes()
        for machine in fleet:
            machine.take(new)
        assert environment.nodes == sum(machine.changes for machine in fleet)
        now = fleet[0].routes()
        changed = {name for name in routes.keys() | now.keys() if routes.get(name) != now.get(name)}
        assert {name for change in environment.difference.changes for name in change.routes} == changed
