"""The options that every verb of an environment has."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from reconciler.cli.environment_verbs.caller import find_caller

ENVIRONMENT = click.argument("environment")
OPTIONS = (
    click.option(
        "--repository", metavar="URL", help="Configuration repository. Default: the clone's remote 'origin'."
    ),
    click.option("--branch-prefix", default="", metavar="TEXT", help="Prefix of this project's branches."),
    click.option(
        "--trunk", default="main", show_default=True, metavar="BRANCH", help="Branch of the configuration."
    ),
    click.option(
        "--author", metavar='"NAME <MAIL>"', help="Who does this. Default: git's user.name and user.email."
    ),
    click.option("--user", metavar="NAME", help="User name for http(s). Default: git."),
    click.option(
        "--token-env",
        metavar="VARIABLE",
        help="Environment variable that holds the token. Default: anonymous.",
    ),
    click.option("--path", default="", metavar="FOLDER", help="Project's folder on trunk, if not the root."),
    click.option(
        "--dry-run", is_flag=True, help="Print the commit and what would be decided then, and push nothing."
    ),
)


def environment_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the argument ENVIRONMENT and these options; it is called with `caller`, `environment`, `dry_run`."""
    return ENVIRONMENT(repository_options(function))


def repository_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that say which repository, and as whom; it is called with `caller` and `dry_run`."""

    @wraps(function)
    def call(
        *,
        repository: str | None,
        branch_prefix: str,
        trunk: str,
        author: str | None,
        user: str | None,
        token_env: str | None,
        path: str,
        **rest: Any,
    ) -> None:
        caller = find_caller(
            Path.cwd(),
            os.environ,
            repository=repository,
            branch_prefix=branch_prefix,
            trunk=trunk,
            author=author,
            user=user,
            token_variable=token_env,
            path=path,
        )
        function(caller=caller, **rest)

    for option in reversed(OPTIONS):
        call = option(call)
    return call
