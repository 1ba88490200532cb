"""The documents that are made from the code: `--write` writes them, `--check` says which ones differ.

Run as `python -m tests.architecture.generated`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import click

from reconciler.cli.main import VERBS, group
from reconciler.compile.risk import render_risk
from reconciler.compile.support_page import render_support
from reconciler.compile.waf.page import render_waf_rules
from reconciler.config.reference import render_reference
from reconciler.settings import SETTINGS
from tests.architecture import state_machine

ROOT = Path(__file__).resolve().parents[2]


def settings_page() -> str:
    """The table of environment variables."""
    rows = "\n".join(
        f"| `{s.name}` | {f'`{s.default}`' if s.default else 'empty'} | {s.meaning} |" for s in SETTINGS
    )
    return (
        "# Settings\n\n"
        "Every process reads these environment variables once, at its start. This page is generated from\n"
        "`reconciler/settings.py`.\n\n"
        "| variable | default | meaning |\n|---|---|---|\n" + rows + "\n"
    )


def cli_page() -> str:
    """The help of every command."""
    parts = [
        "# Commands\n\nThe help of every command, as `--help` prints it. This page is generated.\n",
        "Exit codes: 0 done, 1 the answer is no or the work failed, 2 wrong usage.\n",
    ]

    def describe(path: str, command: click.Command, parent: click.Context | None) -> None:
        with click.Context(
            command, info_name=path.split()[-1], parent=parent, max_content_width=100
        ) as context:
            context.help_option_names = ["-h", "--help"]
            parts.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```\n")
            if isinstance(command, click.Group):
                for name in command.list_commands(context):
                    child = command.get_command(context, name)
                    if child is not None:
                        describe(f"{path} {name}", child, context)

    with click.Context(group, info_name="sentinelctl") as top:
        for name in VERBS:
            command = group.get_command(top, name)
            if command is not None:
                describe(f"sentinelctl {name}", command, top)
    from reconciler.node.main import group as node

    describe("sentinel-node", node, None)
    return "\n".join(parts)


def documents() -> dict[str, str]:
    """Path below the repository's root → text, of every generated document."""
    return {
        "docs/settings.md": settings_page(),
        "docs/cli.md": cli_page(),
        "docs/risk.md": render_risk(),
        state_machine.PATH: state_machine.state_machine_page(),
        **render_reference(),
        **render_support(),
        **render_waf_rules(),
    }


def differing() -> list[str]:
    """The generated documents that are not on disk as the code would write them."""
    return [
        path
        for path, text in documents().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text() != text
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().write:
        for path, text in documents().items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
        return 0
    different = differing()
    for path in different:
        print(f"{path} is not what the code says: run `make format`", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
