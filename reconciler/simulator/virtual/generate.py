"""Makes a scenario of a seed: environments with policies, nodes with temperaments, and a timeline of trouble."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from reconciler.config.durations import canonical
from reconciler.config.kdl import KdlValue
from reconciler.config.proxies import NEWEST
from reconciler.simulator.virtual.scenario import Bundle, Group, Happening, Scenario
from reconciler.simulator.virtual.scenario_files import read_policies

SECOND = 1000
BUNDLES = (
    Bundle("b1"),
    Bundle("b2"),
    Bundle("b3"),
    Bundle("b4", refused=60),
    Bundle("b5", unhealthy=300),
    Bundle("b6", unhealthy=1000),
    Bundle("b7", refused=1000),
    Bundle("b8", unhealthy=30, refused=30),
    Bundle("b9", failing=200),
)
STARTS = (
    datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 27, 15, 58, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 58, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 57, tzinfo=UTC),
)
"""Ordinary, just before a weekly freeze, and around both changes of the clock in Berlin."""

FREEZES = (
    'freeze-window "weekend" {\n    reason "Nobody is there"\n    zone "Europe/Berlin"\n'
    '    weekly "friday 17:00" "monday 08:00"\n}\n',
    'freeze-window "night" {\n    reason "Clocks change"\n    zone "Europe/Berlin"\n'
    '    weekly "sunday 02:00" "sunday 03:00"\n}\n',
)


TARGETS = ("region=eu", "region=us", "region in (eu, us)")

PEOPLE = ("carol@example.com", "dave@example.com", "bob@example.com", "ada@example.com")
"""Of whom the third promotes, and the fourth wrote what is released."""


def generate(seed: int, *, nodes: int | None = None) -> Scenario:
    """The scenario of a seed, with so many nodes in all; 1 to 300 when that is None."""
    # A seed has to give the same scenario for ever, which is what this generator is for.
    chance = random.Random(seed)  # noqa: S311
    total = nodes if nodes is not None else chance.choice((chance.randint(1, 12), chance.randint(1, 300)))
    names = ["dev", "staging", "production"][: chance.choice((1, 2, 2, 3))]
    starts = chance.choice(STARTS)
    config = 'project "simulated"\n' + "".join(
        _environment(chance, name, names[:number][-1:], starts) for number, name in enumerate(names)
    )
    for freeze in FREEZES:
        if chance.random() < 0.3:
            config += freeze
    lasts = chance.choice((120, 300, 600)) * SECOND
    timeline = [Happening(chance.randrange(3) * SECOND, "push", {"bundle": "b1"})]
    for _ in range(chance.randint(3, 36)):
        happening = _happening(chance, names, lasts)
        timeline += [happening, *_followed(chance, happening)]
    return Scenario(
        name=f"seed {seed}",
        seed=seed,
        starts=starts + timedelta(seconds=chance.randrange(120)),
        lasts=lasts,
        config=config,
        policies=read_policies(config),
        groups=tuple(_groups(chance, names, total)),
        bundles=BUNDLES,
        timeline=tuple(sorted(timeline, key=lambda happening: happening.at)),
    )


def _environment(chance: random.Random, name: str, before: list[str], starts: datetime) -> str:
    lines = []
    strategy = chance.choice(("all-at-once", "rolling", "rolling", "rolling", "canary"))
    if strategy == "rolling":
        batches = chance.choice(
            ("percent=1", "percent=10", "percent=34", "percent=100", "size=1", "size=3", "size=60")
        )
        lines += ['strategy "rolling"', f"batches {batches}"]
    elif strategy == "canary":
        lines += [
            'strategy "canary"',
            'canary {\n            share 5 25 50\n            bake "10s"\n        }',
        ]
    else:
        lines += ['strategy "all-at-once"', *(['all-at-once-because "it is played"'] if before else [])]
    if strategy != "all-at-once" and chance.random() < 0.3:
        lines += [f'spread "region" percent={chance.choice((10, 34, 50))}']
    if chance.random() < (0.4 if before else 0.5):
        lines += _promotion(chance, before, starts)
    if chance.random() < 0.2:
        lines += ["approvals 1"]
    gates = [
        *(['soak "5s"'] if chance.random() < 0.15 else []),
        *(["manual"] if chance.random() < 0.1 else []),
        *(['error-rate max="5%" samples=100'] if chance.random() < 0.25 else []),
        *(["canary samples=50"] if strategy != "all-at-once" and chance.random() < 0.15 else []),
    ]
    if gates:
        lines += ["gates {\n" + "".join(f"            {gate}\n" for gate in gates) + "        }"]
    lines += [
        f"max-unavailable {chance.choice((0, 0, 1, 3))}",
        f'on-failure "{chance.choice(("pause", "rollback"))}"',
        f'min-healthy "{chance.choice((0, 3, 10))}s"',
        f'progress-deadline "{chance.choice((30, 60, 120))}s"',
        'stale-after "10s"',
        f'supersede "{chance.choice(("replace", "finish-batch", "finish"))}"',
    ]
    after = "".join(f'    after "{one}"\n' for one in before)
    policy = "".join(f"        {line}\n" for line in lines)
    return (
        f'environment "{name}" {{\n    proxy-version "{NEWEST}"\n{after}    policy {{\n{policy}    }}\n}}\n'
    )


def _promotion(chance: random.Random, before: list[str], starts: datetime) -> list[str]:
    """How releases come to an environment by themselves."""
    after = f' after="{chance.choice((0, 30))}s"' if before else ""
    take = chance.choice(("latest", "latest", "every", "train", "train"))
    lines = [f'promote "automatic"{after} take="{take}"']
    if take == "train":
        minutes = ",".join(str(minute) for minute in sorted({(starts.minute + n) % 60 for n in (1, 3, 6)}))
        hours = ",".join(str(hour) for hour in sorted({starts.hour, (starts.hour + 1) % 24}))
        zone = chance.choice(("UTC", "UTC", "Europe/Berlin"))
        lines += [f'schedule "FREQ=DAILY;BYHOUR={hours};BYMINUTE={minutes}" zone="{zone}"']
    return lines


def _groups(chance: random.Random, names: list[str], total: int) -> list[Group]:
    kinds = ["steady"] * 20 + ["slow", "flapping", "lying", "skewed", "lost-in-time", "restored"]
    counts: dict[tuple[str, str, int, str], int] = {}
    for number in range(total):
        name = names[number % len(names)]
        kind = chance.choice(kinds) if total < 400 else "steady"
        every = chance.choice((1000, 2000, 2000, 4000)) if total < 400 else 5000
        key = (name, kind, every, chance.choice(("eu", "us", "ap")))
        counts[key] = counts.get(key, 0) + 1
    return [
        Group(name, count, kind, every, (("region", region),))
        for (name, kind, every, region), count in counts.items()
    ]


def _followed(chance: random.Random, first: Happening) -> list[Happening]:
    """What people do right after it: promote what was just forbidden, forbid what is live while something else comes,
    think of other nodes, hold what they let go, put back what was rewritten, or say what they think of a promotion."""
    soon = first.at + chance.choice((2, 5, 20)) * SECOND
    at = {"environment": first.what.get("environment", "dev")}
    if first.kind == "push" and chance.random() < 0.1:
        other = {**at, "bundle": chance.choice(BUNDLES[:3]).name}
        return [Happening(soon, "quarantine", at), Happening(soon + SECOND, "promote", other)]
    if first.kind == "go" and chance.random() < 0.3:
        return [Happening(soon, "hold", {**at, "name": "h0"}), Happening(soon + 3 * SECOND, "release", at)]
    if first.kind == "quarantine" and chance.random() < 0.7:
        bundle = first.what.get("bundle", chance.choice(BUNDLES[:3]).name)
        return [Happening(soon, "promote", {**first.what, "bundle": bundle})]
    if first.kind == "rewrite":
        return [Happening(soon, "put-back", at)]
    if "only" in first.what and chance.random() < 0.4:
        return [Happening(soon, "promote", {**first.what, "only": chance.choice(TARGETS)})]
    if first.kind == "promote" and chance.random() < 0.6:
        what: dict[str, KdlValue] = {"environment": first.what["environment"], "by": chance.choice(PEOPLE)}
        if chance.random() < 0.4:
            what[chance.choice(("stale", "unsigned"))] = True
        return [Happening(soon, "approve", what)]
    return []


def _happening(chance: random.Random, names: list[str], lasts: int) -> Happening:
    environment = chance.choice(names)
    bundle = chance.choice(BUNDLES).name
    number = chance.randrange(1000)
    share = chance.choice((1, 10, 50, 100))
    length = canonical(chance.choice((3, 15, 60, 200)) * SECOND)
    at: dict[str, KdlValue] = {"environment": environment}
    some: dict[str, KdlValue] = {**at, "number": number, "share": share, "lasts": length}
    choices: list[tuple[int, str, dict[str, KdlValue]]] = [
        (6, "push", {"bundle": bundle}),
        (6, "promote", {**at, "bundle": bundle}),
        (2, "promote", {**at, "bundle": bundle, "after": length}),
        (4, "promote", {**at, "bundle": bundle, "only": chance.choice(TARGETS)}),
        (2, "widen", at),
        (2, "pin", {**at, "bundle": bundle, "name": f"p{number % 2}", "nodes": "region=us", "lasts": length}),
        (1, "pin", {**at, "bundle": bundle, "name": f"p{number % 2}", "nodes": "has region"}),
        (2, "unpin", at),
        (6, "approve", {**at, "by": chance.choice(PEOPLE)}),
        (1, "approve", {**at, "by": chance.choice(PEOPLE), "stale": True}),
        (1, "approve", {**at, "by": chance.choice(PEOPLE), "unsigned": True}),
        (1, "reject", {**at, "by": PEOPLE[0]}),
        (5, "go", at),
        (1, "go", {**at, "early": True}),
        (2, "revert", at),
        (2, "hold", {**at, "name": f"h{number % 3}"}),
        (2, "hold", {**at, "name": f"h{number % 3}", "lasts": length}),
        (4, "release", at),
        (2, "quarantine", {**at, "bundle": bundle}),
        (2, "quarantine", at),
        (2, "rewrite", {**at, "number": number % 8}),
        (2, "lift", {**at, "bundle": bundle}),
        (2, "tamper", at),
        (1, "corrupt", at),
        (3, "race", at),
        (4, "crash", some),
        (3, "partition", some),
        (2, "heal", some),
        (2, "register", {**at, "count": 1 + number % 3}),
        (1, "retire", {**at, "number": number}),
        (4, "die", {"number": 1 + number % 12, "lasts": length}),
        (2, "lose-nudges", {"lasts": length}),
        (2, "failover", {"lag": canonical(chance.choice((1, 5, 20)) * SECOND)}),
    ]
    _, kind, what = chance.choices(choices, weights=[weight for weight, _, _ in choices])[0]
    return Happening(chance.randrange(lasts // SECOND) * SECOND, kind, what)
