"""The agent's configuration file: the settings of flags and environment, in KDL. A flag wins, then the environment.

A setting is called like its flag. What the file does not know is refused with its place, since a setting that is
passed over in silence is found out on the worst day.
"""

from __future__ import annotations

import difflib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reconciler.errors import ReconcilerError, Stalled
from reconciler.labels import read_labels
from reconciler.node.flat_kdl import Entry, NotFlat, Value, read_flat

LIMIT = 64 * 1024
HTTP_PROXY = "http-proxy"
"""A setting that has no flag, because others could list it."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file says: `values` by the names of parameters, as click wants them, and the HTTP proxy on the way."""

    path: Path
    values: Mapping[str, Any]
    http_proxy: str = ""


def keys_of(parameters: list[click.Parameter]) -> dict[str, click.Option]:
    """The settings that a file may have, by name: what has a flag and a variable, but for `--config` itself."""
    options = [one for one in parameters if isinstance(one, click.Option) and one.envvar is not None]
    names = {one.opts[0].removeprefix("--"): one for one in options}
    return {name: one for name, one in names.items() if name != "config"}


def read_config_file(path: Path, context: click.Context) -> ConfigFile:
    """Read a file for the command of `context`. Raises `Stalled` (E-NOD-065 to E-NOD-067) with file, line, column."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
            mode = stat.S_IMODE(path.stat().st_mode)
        text = content.decode()
    except OSError as error:
        raise Stalled(
            "E-NOD-065", f"{path} cannot be read: {error.strerror}", cure="Correct the path, or its rights"
        ) from None
    except UnicodeDecodeError:
        raise _unreadable(f"{path} is not text in UTF-8") from None
    if len(content) > LIMIT:
        raise _unreadable(f"{path} is longer than {LIMIT} bytes")
    try:
        entries = read_flat(text)
    except NotFlat as error:
        raise _unreadable(f"{path}:{error.line}:{error.column}: {error.words}") from None
    options = keys_of(context.command.params)
    values: dict[str, Any] = {}
    http_proxy = ""
    seen: dict[str, int] = {}
    for entry in entries:
        where = f"{path}:{entry.line}:{entry.column}"
        if entry.name not in options and entry.name != HTTP_PROXY:
            raise _wrong(f"{where}: there is no setting '{entry.name}'", _hint(entry.name, options))
        option = options.get(entry.name)
        if entry.name in seen and not (option is not None and option.multiple):
            raise _wrong(f"{where}: '{entry.name}' stands in line {seen[entry.name]} already", "Keep one")
        seen.setdefault(entry.name, entry.line)
        if option is None:
            http_proxy = str(_one(entry, where))
        elif option.multiple:
            values.setdefault(str(option.name), []).extend(_many(entry, where))
        else:
            values[str(option.name)] = _checked(option, entry, where, context)
    if "@" in http_proxy and mode & 0o077:
        raise Stalled(
            "E-NOD-067",
            f"{path} holds a password and others may read it (mode {mode:03o})",
            cure=f"chmod 600 {path}",
        )
    return ConfigFile(path, values, http_proxy)


def _checked(option: click.Option, entry: Entry, where: str, context: click.Context) -> Any:
    """The one value of a setting, as its flag would take it."""
    if entry.name == "labels":
        words = [f"{name}={value}" for name, value in entry.properties.items()]
        words += [str(argument) for argument in entry.arguments]
        try:
            read_labels(",".join(words).split(","))
        except ReconcilerError as error:
            raise _wrong(f"{where}: {error.message}", 'Write labels region="eu" tier="edge"') from None
        return ",".join(words)
    value = _one(entry, where)
    if option.is_flag:
        if not isinstance(value, bool):
            raise _wrong(f"{where}: '{entry.name}' is #true or #false, not {value!r}", None)
        return value
    number = isinstance(option.type, click.types.IntParamType)
    if isinstance(value, bool) or isinstance(value, int) is not number:
        wanted = f"a whole number such as {entry.name} 5" if number else f'a text such as {entry.name} "…"'
        raise _wrong(f"{where}: '{entry.name}' is {wanted}", None)
    try:
        return option.type.convert(value, option, context)
    except click.BadParameter as error:
        raise _wrong(f"{where}: '{entry.name}': {error.message}", None) from None


def _one(entry: Entry, where: str) -> Value:
    if len(entry.arguments) != 1 or entry.properties:
        raise _wrong(
            f"{where}: '{entry.name}' has one value", f"Write {entry.name} and the value, one a line"
        )
    return entry.arguments[0]


def _many(entry: Entry, where: str) -> list[str]:
    if not entry.arguments or entry.properties or not all(isinstance(one, str) for one in entry.arguments):
        raise _wrong(f"{where}: '{entry.name}' has one text or several", None)
    return [str(one) for one in entry.arguments]


def _hint(name: str, options: Mapping[str, click.Option]) -> str:
    names = sorted([*options, HTTP_PROXY])
    near = difflib.get_close_matches(name.lower().replace("_", "-"), names, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(names)}"


def _wrong(message: str, cure: str | None) -> Stalled:
    return Stalled("E-NOD-066", message, cure=cure)


def _unreadable(message: str) -> Stalled:
    return Stalled("E-NOD-065", message, cure='Write one setting a line, such as: control-plane "https://…"')
