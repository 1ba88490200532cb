"""Compares two configurations part by part."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.compile.diff.agent_files import file_facts, place_of
from reconciler.compile.diff.changes import AREAS, Action, Change, Difference, FieldChange
from reconciler.compile.diff.meaning import Fact
from reconciler.compile.diff.model import Model, Part, read_model
from reconciler.errors import Refused

if TYPE_CHECKING:
    from reconciler.compile.compiler import CompiledEnvironment
    from reconciler.compile.in_use import CertificateInUse

CONFIG = "sentinel.kdl"
_GUARDS = ("auth", "waf", "limit")


def compare_environments(
    name: str, before: CompiledEnvironment | None, after: CompiledEnvironment | None, *, raw: bool = True
) -> Difference:
    """What differs between two compilations of one environment; None is an environment that does not exist.

    Without `raw` the texts are not compared, whose time grows faster than their length.

    Raises `Refused` E-CMP-090 when a configuration cannot be read, which no compilation gives.
    """
    old = _model(name, before)
    same = (
        before is not None
        and after is not None
        and _contents(before) == _contents(after)
        and before.certificates == after.certificates
        and before.secrets == after.secrets
    )
    new = old if same else _model(name, after)
    empty = Model({})
    changes = () if same else _changes(old or empty, new or empty)
    return Difference(
        environment=name,
        changes=tuple(sorted(changes, key=_order)),
        restart=before is not None and after is not None and before.restart_key != after.restart_key,
        raw="".join(_raw(before, after)) if raw else "",
        before=old,
        after=new,
    )


def compare_models(before: Model, after: Model) -> tuple[Change, ...]:
    """What differs between two configurations, deletions first."""
    return tuple(sorted(_changes(before, after), key=_order))


def _model(name: str, environment: CompiledEnvironment | None) -> Model | None:
    if environment is None:
        return None
    model, findings = read_model(environment.config, f"{name}/{CONFIG}")
    if model is None:
        raise Refused(
            "E-CMP-090",
            f"the configuration of {name} cannot be read: {findings[0]}",
            cure="Build it anew with sentinelctl build, and report this if it happens again",
        )
    # Chains are told as certificates, by what stands in them.
    files = {
        ("file", path): Part("file", path, file_facts(path, content))
        for path, content in environment.files.items()
        if not path.startswith("certificates/")
    }
    certificates = {
        ("certificate", one.name): Part("certificate", one.name, _certificate_facts(one))
        for one in environment.certificates
    }
    # Of a secret there is nothing to tell but its version: another value has another one, or is refused (E-SEC-004).
    secrets = {
        ("secret", name): Part("secret", name, {"version": pinned.version})
        for name, pinned in environment.secrets.items()
    }
    return Model({**model.parts, **files, **certificates, **secrets})


def _certificate_facts(one: CertificateInUse) -> dict[str, Fact]:
    return {
        "names": one.hosts,
        "subject": one.subject,
        "issuer": one.issuer,
        "begins": one.begins.isoformat(),
        "ends": one.expires.isoformat(),
        "key": one.key,
        "secret": one.secret,
        "key-version": one.version,
        "chain": f"sha256:{one.sha256}",
        "used-by": one.used_by,
    }


def _order(change: Change) -> tuple[int, int, str, str]:
    return (list(Action).index(change.action), list(AREAS).index(change.area), change.name, change.kind)


def _changes(old: Model, new: Model) -> Iterator[Change]:
    yield from _routes(old, new)
    for key in sorted(old.parts.keys() | new.parts.keys()):
        kind, name = key
        if kind == "route":
            continue
        before, after = old.parts.get(key), new.parts.get(key)
        fields = _fields(before.facts if before else {}, after.facts if after else {})
        if before is not None and after is not None and not fields:
            continue
        routes = tuple(sorted({*old.routes_with(kind, name), *new.routes_with(kind, name)}))
        action = Action.added if before is None else Action.removed if after is None else Action.changed
        area = _area(kind, name, new if before is None else old)
        inner = [f for f in fields if f.path == "tls" or f.path.startswith(("tls.", "tls["))]
        outer = [f for f in fields if f not in inner]
        if before is None or after is None or not inner:
            yield Change(action, area, kind, name, tuple(fields), routes)
            continue
        about_tls = Action.changed
        if not before.below("tls") or not after.below("tls"):
            about_tls = Action.removed if before.below("tls") else Action.added
        yield Change(about_tls, "tls", kind, name, tuple(inner), routes)
        if outer:
            yield Change(action, area, kind, name, tuple(outer), routes)


def _area(kind: str, name: str, model: Model) -> str:
    if kind == "filter":
        return model.role(name) if model.role(name) != "agent" else "filter"
    if kind == "agent":
        return model.agent_role(name)
    if kind == "certificate" or name.startswith("trust/"):
        return "tls"
    if kind == "file":
        place = place_of(name)
        return place[0] if place else "file"
    if kind == "setting":
        return {"limits": "limit", "rate-limits": "limit", "waf": "waf"}.get(name, "setting")
    return kind


def _fields(before: Mapping[str, Fact], after: Mapping[str, Fact]) -> list[FieldChange]:
    return [
        FieldChange(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) or type(before.get(path)) is not type(after.get(path))
    ]


def _routes(old: Model, new: Model) -> Iterator[Change]:
    for before, after in _pairs(old.of("route"), new.of("route")):
        if before is None or after is None:
            part = after or before
            assert part is not None  # noqa: S101 - a pair has at least one side
            action = Action.added if before is None else Action.removed
            fields = _fields(before.facts if before else {}, after.facts if after else {})
            yield Change(action, "route", "route", part.name, tuple(fields), (part.name,))
            continue
        names = tuple(sorted({before.name, after.name}))
        fields = _fields(before.facts, after.facts)
        for area in _GUARDS:
            gone = _guards(before, old, area)
            come = _guards(after, new, area)
            if gone != come:
                lost, won = set(gone) - set(come), set(come) - set(gone)
                action = (
                    Action.removed
                    if lost and not won
                    else Action.added
                    if won and not lost
                    else Action.changed
                )
                field = FieldChange("filters", gone or None, come or None)
                yield Change(action, area, "route", after.name, (field,), names)
        if not _reordered(before, after, old, new):
            fields = [field for field in fields if field.path != "filters"]
        was = before.name if before.name != after.name else ""
        if fields or was:
            yield Change(Action.changed, "route", "route", after.name, tuple(fields), names, was)


def _guards(route: Part, model: Model, area: str) -> tuple[str, ...]:
    return tuple(name for name in route.list("filters") if model.role(name) == area)


def _reordered(before: Part, after: Part, old: Model, new: Model) -> bool:
    """Whether more has happened to a route's filters than guards coming or going."""
    if [f for f in before.list("filters") if old.role(f) not in _GUARDS] != [
        f for f in after.list("filters") if new.role(f) not in _GUARDS
    ]:
        return True
    common = set(before.list("filters")) & set(after.list("filters"))
    return [f for f in before.list("filters") if f in common] != [
        f for f in after.list("filters") if f in common
    ]


def _pairs(
    before: Mapping[str, Part], after: Mapping[str, Part]
) -> Iterator[tuple[Part | None, Part | None]]:
    """Routes that are the same: by name when what they match is the same too, then by what they match, then by name.

    A service's routes are numbered, so that one path more gives all behind it other names.
    """
    left, right = dict(before), dict(after)

    def pair(one: str, other: str) -> tuple[Part, Part]:
        return left.pop(one), right.pop(other)

    for name in [n for n in left if n in right and _matches(left[n]) == _matches(right[n])]:
        yield pair(name, name)
    places: dict[object, list[str]] = defaultdict(list)
    for name, part in right.items():
        places[_matches(part)].append(name)
    for name in list(left):
        others = places.get(_matches(left[name]))
        if others:
            yield pair(name, others.pop(0))
    for name in [n for n in left if n in right]:
        yield pair(name, name)
    yield from ((part, None) for part in left.values())
    yield from ((None, part) for part in right.values())


def _matches(route: Part) -> object:
    space = route.name.rpartition(":")[0]
    return (space, tuple(sorted((k, repr(v)) for k, v in route.facts.items() if k.startswith("matches"))))


def _contents(environment: CompiledEnvironment) -> dict[str, bytes]:
    return {CONFIG: environment.config, **environment.files}


def _raw(before: CompiledEnvironment | None, after: CompiledEnvironment | None) -> Iterator[str]:
    old = _contents(before) if before else {}
    new = _contents(after) if after else {}
    for path in sorted(old.keys() | new.keys(), key=lambda p: (p != CONFIG, p)):
        one, other = old.get(path), new.get(path)
        if one == other:
            continue
        try:
            left = (one or b"").decode().splitlines(keepends=True)
            right = (other or b"").decode().splitlines(keepends=True)
        except UnicodeDecodeError:
            yield f"Binary files a/{path} and b/{path} differ\n"
            continue
        names = ("/dev/null" if one is None else f"a/{path}", "/dev/null" if other is None else f"b/{path}")
        for line in difflib.unified_diff(left, right, *names):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
