"""`sentinel-node config`: the settings in force, each with where it comes from, as a file that would say the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from reconciler.node.command_options import without_password
from reconciler.node.config_file import HTTP_PROXY, keys_of

_NAMES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
}


def describe(context: click.Context, values: Mapping[str, Any]) -> str:
    """The settings as lines of KDL. User and password are taken out of a URL, and a join token is not shown."""
    lines = [f"// {values['config']}" if values["config"] is not None else "// no file"]
    for key, option in sorted(keys_of(context.command.params).items()):
        value = values[str(option.name)]
        source = context.get_parameter_source(str(option.name))
        where = _NAMES.get(source, "default") if source is not None else "default"
        # An empty value is written nowhere: no flag takes one either.
        empty = value is None or value in ("", ())
        lines.append(f"// {key} is not set" if empty else f"{_setting(key, value)} // {where}")
    proxy = values["http_proxy"]
    lines.append(f"{_setting(HTTP_PROXY, proxy)}" if proxy else f"// {HTTP_PROXY} is not set")
    return "\n".join(lines) + "\n"


def _setting(key: str, value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"{key} {' '.join(_text(str(one)) for one in value)}"
    if isinstance(value, bool):
        return f"{key} #{str(value).lower()}"
    return f"{key} {value}" if isinstance(value, int) else f"{key} {_text(str(value))}"


def _text(text: str) -> str:
    return json.dumps(without_password(text), ensure_ascii=False)
