"""Makes a scenario of a seed in which traffic is shifted: an environment with slots, and trouble meanwhile."""

from __future__ import annotations

import random
from datetime import timedelta

from reconciler.config.durations import canonical
from reconciler.config.kdl import KdlValue
from reconciler.config.proxies import NEWEST
from reconciler.simulator.virtual.generate import BUNDLES, SECOND
from reconciler.simulator.virtual.scenario import STARTS, Group, Happening, Scenario
from reconciler.simulator.virtual.scenario_files import read_policies

NAME = "production"


def generate_slots(seed: int) -> Scenario:
    """The scenario of a seed. Most of its nodes and bundles are well, so that releases come far."""
    # A seed has to give the same scenario for ever, which is what this generator is for.
    chance = random.Random(f"slots {seed}")  # noqa: S311
    config = _config(chance)
    lasts = chance.choice((300, 600)) * SECOND
    timeline = [Happening(0, "push", {"bundle": "b1"})]
    timeline += [
        Happening(chance.randrange(60, lasts // SECOND) * SECOND, "push", {"bundle": bundle})
        for bundle in chance.choices(("b2", "b3", "b5", "b6", "b8"), k=chance.randint(1, 4))
    ]
    timeline += [_trouble(chance, lasts) for _ in range(chance.randint(0, 8))]
    return Scenario(
        name=f"slots, seed {seed}",
        seed=seed,
        starts=STARTS + timedelta(seconds=chance.randrange(120)),
        lasts=lasts,
        config=config,
        policies=read_policies(config),
        groups=tuple(_groups(chance)),
        bundles=BUNDLES,
        timeline=tuple(sorted(timeline, key=lambda happening: happening.at)),
    )


def _config(chance: random.Random) -> str:
    by_label = 'slots "slot" blue="a" green="b"'
    lines = [
        'balancer "edge"',
        *chance.choice(([by_label], [by_label], [by_label], [], ['slots "slot" blue="a" green="c"'])),
        f"shift {chance.choice(('10 50 100', '100', '34 67', '20'))}",
        f'bake "{chance.choice((0, 5))}s"',
        f'hold "{chance.choice((0, 5, 20))}s"',
        "traffic within=5 samples=20",
    ]
    policy = [
        'strategy "blue-green"',
        "blue-green {\n" + "".join(f"            {line}\n" for line in lines) + "        }",
        *chance.choice(([], [], [], [], ['gates {\n            soak "5s"\n        }'], ["approvals 1"])),
        f"max-unavailable {chance.choice((0, 1, 3))}",
        f'on-failure "{chance.choice(("pause", "rollback", "rollback"))}"',
        f'min-healthy "{chance.choice((0, 3))}s"',
        f'progress-deadline "{chance.choice((30, 60, 120))}s"',
        'stale-after "10s"',
        f'supersede "{chance.choice(("replace", "finish-batch", "finish"))}"',
    ]
    body = "".join(f"        {line}\n" for line in policy)
    return (
        f'project "simulated"\nenvironment "{NAME}" {{\n    proxy-version "{NEWEST}"\n'
        f"    policy {{\n{body}    }}\n}}\n"
    )


def _groups(chance: random.Random) -> list[Group]:
    odd = chance.choice(("steady", "steady", "slow", "flapping", "lying", "restored", "lost-in-time"))
    found = []
    for slot in "ab":
        for region in ("eu", "us"):
            labels = (("region", region), ("slot", slot))
            every = chance.choice((1000, 2000, 4000))
            found.append(Group(NAME, chance.choice((1, 2, 5, 20)), "steady", every, labels))
    return [*found, Group(NAME, 1, odd, 2000, (("region", "ap"), ("slot", chance.choice("ab"))))]


def _trouble(chance: random.Random, lasts: int) -> Happening:
    at: dict[str, KdlValue] = {"environment": NAME}
    length = canonical(chance.choice((3, 15, 60, 200)) * SECOND)
    bundle, number = chance.choice(BUNDLES).name, chance.randrange(100)
    some: dict[str, KdlValue] = {**at, "number": number, "share": chance.choice((1, 10, 50)), "lasts": length}
    choices: tuple[tuple[str, dict[str, KdlValue]], ...] = (
        ("stick", {**at, "lasts": length}),
        ("stick", {**at, "lasts": length}),
        ("promote", {**at, "bundle": bundle}),
        ("revert", at),
        ("hold", {**at, "name": "h", "lasts": length}),
        ("quarantine", {**at, "bundle": bundle}),
        ("lift", {**at, "bundle": bundle}),
        ("pin", {**at, "bundle": "b1", "name": "p", "nodes": "region=us", "lasts": length}),
        ("crash", some),
        ("partition", some),
        ("register", {**at, "count": 1 + number % 3}),
        ("retire", {**at, "number": number}),
        ("race", at),
        ("tamper", at),
        ("die", {"number": 1 + number % 12, "lasts": length}),
        ("failover", {"lag": canonical(chance.choice((1, 5, 20)) * SECOND)}),
    )
    kind, what = chance.choice(choices)
    return Happening(chance.randrange(lasts // SECOND) * SECOND, kind, what)
