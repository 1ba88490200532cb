"""A group whose commands are modules that are imported when they are called."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: the module that holds it as `command`, and the line that `--help` shows without loading it."""

    module: str
    summary: str


class Table(click.Group):
    """A group of `verbs` by name. `--help` costs no import of the server parts."""

    def __init__(self, *arguments: Any, verbs: Mapping[str, Verb], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        try:
            command: click.Command = importlib.import_module(verb.module).command
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.split(".")[0] in {"reconciler", "webhooks", "web"}:
                raise
            raise click.ClickException(
                f"'{cmd_name}' needs the package '{missing.name}', which the base install leaves out. "
                "Install it with: pip install 'sentinel-control-plane[server]'"
            ) from None
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.verbs:
            near = difflib.get_close_matches(name, self.verbs, n=1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no command '{name}'.{meant}", ctx)
        return super().resolve_command(ctx, args)
