"""What stands in a clone about secrets: environments' public keys, and sealed values with their versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from reconciler.bundle.sealed import Label, SealedValue, key_id, parse_sealed
from reconciler.cli.working_clone import WorkingClone
from reconciler.config.kdl import KdlNode, KdlValue
from reconciler.config.kinds.secret import LARGEST_VERSION
from reconciler.config.report import Problem
from reconciler.config.sealing import SEALING_KEY
from reconciler.errors import Refused, Stalled
from reconciler.keys.sealing import seal

DEFAULT_FILE = "secrets.kdl"


@dataclass(frozen=True, slots=True)
class Standing:
    """One sealed value as it stands in a file. `rotated` is None when nothing is said of its age."""

    name: str
    environment: str
    version: int
    rotated: date | None
    sealed: SealedValue = field(repr=False)


def public_key(clone: WorkingClone, environment: str) -> bytes:
    """The key to seal for. Raises `Stalled`: E-SEC-011 no such environment, E-SEC-012 it has no key."""
    for child in clone.resource("environment", environment).children:
        if child.name == "sealing-key" and child.arguments:
            found = SEALING_KEY.read(child.arguments[0])
            if not isinstance(found, Problem):
                return bytes.fromhex(found)
    raise Stalled(
        "E-SEC-012",
        f"the environment '{environment}' has no sealing-key that can be used",
        cure=f"Run `sentinelctl secret keygen --environment {environment}`, and write the line that it prints there",
    )


def standing(clone: WorkingClone) -> list[Standing]:
    """Every sealed value, in the order of names and environments. Raises `Stalled` (E-SEC-018) for a malformed one."""
    found = [
        _read(name, child)
        for _, name, node in clone.resources("secret")
        for child in node.children
        if child.name == "sealed"
    ]
    return sorted(found, key=lambda one: (one.name, one.environment))


def version_of(clone: WorkingClone, name: str, environment: str) -> int:
    """The version that stands there; 0 when there is none."""
    return next(
        (one.version for one in standing(clone) if (one.name, one.environment) == (name, environment)), 0
    )


def seal_into(
    clone: WorkingClone, name: str, environment: str, value: bytes, *, version: int | None, today: date
) -> int:
    """Seal a value of a secret that is there, as its next version or as `version`, which has to be higher.

    Gives the version. Raises `Stalled` (E-SEC-014) when it does not rise.
    """
    last = version_of(clone, name, environment)
    new = last + 1 if version is None else version
    if not last < new <= LARGEST_VERSION:
        raise Stalled(
            "E-SEC-014",
            f"version {new} of '{name}' cannot follow version {last} in {environment}",
            cure=f"Leave --version out, or give a number from {last + 1} to {LARGEST_VERSION}",
        )
    label = Label(clone.project, environment, name, new)
    text = seal(value, public_key(clone, environment), label).text()
    properties: dict[str, KdlValue] = {"version": new, "rotated": today.isoformat()}
    clone.set_child("secret", name, KdlNode("sealed", (environment, text), properties), keyed=True)
    return new


def add_secret(clone: WorkingClone, name: str, description: str | None) -> None:
    """A new secret without values, in the file that most secrets stand in."""
    files = [path for path, _, _ in clone.resources("secret")]
    path = max(sorted(set(files)), key=files.count) if files else DEFAULT_FILE
    children = (KdlNode("description", (description,)),) if description else ()
    clone.add(path, KdlNode("secret", (name,), children=children))


def key_id_of(clone: WorkingClone, environment: str) -> str | None:
    """The id of an environment's key, or None when it has none."""
    try:
        return key_id(public_key(clone, environment))
    except Stalled:
        return None


def _read(name: str, node: KdlNode) -> Standing:
    version, rotated = node.properties.get("version", 1), node.properties.get("rotated")
    try:
        environment, text = node.arguments
        if not isinstance(environment, str) or not isinstance(text, str) or not isinstance(version, int):
            raise ValueError(name)
        day = date.fromisoformat(rotated) if isinstance(rotated, str) else None
        return Standing(name, environment, version, day, parse_sealed(text))
    except (ValueError, Refused):
        raise Stalled(
            "E-SEC-018",
            f"a sealed value of the secret '{name}' is malformed",
            cure="Run `sentinelctl validate`, which shows where",
        ) from None
