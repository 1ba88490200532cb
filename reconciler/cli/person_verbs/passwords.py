"""How a verb gets a password: typed twice, read from standard input, or made up and printed once."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def password_options(function: Command) -> Command:
    """Give a command the options that `read_password` takes."""
    function = click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input.")(
        function
    )
    return click.option("--generate", is_flag=True, help="Make one and print it, this once.")(function)


def read_password(*, generate: bool, from_stdin: bool) -> str:
    """The password. One that is made up has 120 random bits."""
    if generate:
        password = "-".join(secrets.token_hex(3) for _ in range(5))
        click.echo(f"password: {password}")
        return password
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    return typed
