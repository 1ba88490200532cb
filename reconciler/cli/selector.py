"""The click type of a selector of nodes."""

from __future__ import annotations

from typing import Any

import click

from reconciler.errors import Refused
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import text_of


class SelectorType(click.ParamType[str]):
    """A selector, given on in its canonical text."""

    name = "selector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The canonical text; a mistake is a usage error that names its column."""
        try:
            return text_of(read_selector(value))
        except Refused as error:
            self.fail(error.message, param, ctx)
