"""The one way a verb changes an environment: read its branch, edit wishes, commit, push, and again after a race."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from nacl.signing import SigningKey

from reconciler import clock
from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.deciding import decided
from reconciler.errors import LostRace, Stalled
from reconciler.git.mirror import HEADS, Mirror
from reconciler.git.reading import Limits, read_tree
from reconciler.git.url import shown
from reconciler.git.writing import commit_edit, push
from reconciler.release.branch import parse_branch
from reconciler.release.paths import RELEASE
from reconciler.release.wishes.releasing import asked_aside
from reconciler.release.wishes.wish import Already as Already
from reconciler.release.wishes.wish import Wish as Wish
from reconciler.release.wishes.wish import message_of

ATTEMPTS = 8
"""A rollout commits at most every few seconds; losing this many races in a row means something else."""

LIMITS = Limits(files=5_000, file_bytes=1024 * 1024, total_bytes=16 * 1024 * 1024, depth=8)


@dataclass(frozen=True, slots=True)
class BranchState:
    """An environment's branch as it was just read: its head and its files by path."""

    mirror: Mirror
    environment: str
    head: str
    files: Mapping[str, bytes]


def make_wish(
    caller: Caller,
    environment: str,
    decide: Callable[[BranchState], Wish | Already],
    *,
    dry_run: bool,
    key: SigningKey | None = None,
    sign: Callable[[bytes], str] | None = None,
) -> None:
    """Read the branch of `environment`, ask `decide` what to commit, and push that; print what happened and comes next.

    After a lost race everything is read and decided again. `dry_run` prints the very commit and pushes nothing. `key`
    or `sign` signs the commit.
    """
    with TemporaryDirectory(prefix="sentinelctl-") as folder:
        mirror = Mirror.open(Path(folder) / "mirror.git", caller.url, caller.credentials)
        for _ in range(ATTEMPTS):
            state = read_environment(mirror, caller, environment)
            wish = decide(state)
            target, parent = _ref(caller, environment), state.head
            expected: str | None = state.head
            if isinstance(wish, Wish) and wish.aside:
                target = f"{HEADS}{caller.branch_prefix}{wish.aside}"
                expected = mirror.refs().get(target)
                parent = expected or state.head
                there = mirror.read_file(parent, RELEASE) if expected else None
                asked = parse_branch({RELEASE: there}).release if there else None
                wish = asked_aside(wish, environment, asked) or wish
            if isinstance(wish, Already):
                click.echo(wish.because)
                return
            if dry_run:
                click.echo(_preview(caller, state, wish, target.removeprefix(HEADS), parent))
                if wish.aside:
                    click.echo(f"{wish.next}. Were it merged now:")
                files = {path: content for path, content in {**state.files, **wish.edits}.items() if content}
                click.echo("\n".join(decided(mirror, caller, environment, state.head, files, clock.now())))
                return
            sha = commit_edit(
                mirror,
                parent,
                wish.edits,
                message=message_of(wish),
                author=caller.author,
                committer=caller.author,
                when=clock.now(),
                key=key,
                sign_with=sign,
            )
            try:
                push(mirror, target, sha, expected)
            except LostRace:
                continue
            click.echo(f"pushed {sha[:12]} to {target.removeprefix(HEADS)} of {shown(caller.url)}")
            click.echo(f"  {wish.subject}")
            click.echo(wish.next)
            return
    raise Stalled(
        "E-GIT-206",
        f"the branch of '{environment}' moved {ATTEMPTS} times while this change was made",
        cure="Somebody else is changing it; look at its log and try again",
    )


def read_environment(mirror: Mirror, caller: Caller, environment: str, *, fetch: bool = True) -> BranchState:
    """Fetch and read the branch of `environment`. Raises `Stalled` when there is none, or when it cannot be read."""
    refs = mirror.fetch() if fetch else mirror.refs()
    head = refs.get(_ref(caller, environment))
    if head is None:
        raise _unknown(caller, environment, refs)
    read = read_tree(mirror, head, "", limits=LIMITS, select=lambda path: path.endswith(".kdl"))
    if read.problems:
        problem = read.problems[0]
        raise Stalled(
            "E-GIT-205",
            f"the branch of '{environment}' cannot be read: {problem.path}: {problem.message} ({problem.code})",
            cure="Remove that file from the branch",
        )
    return BranchState(mirror, environment, head, {path: content for path, _, content in read.files})


def environments(mirror: Mirror, caller: Caller) -> list[str]:
    """The names of the environments that have a branch, after a fetch."""
    start = _ref(caller, "")
    return sorted(name.removeprefix(start) for name in mirror.fetch() if name.startswith(start))


def _ref(caller: Caller, environment: str) -> str:
    return f"{HEADS}{caller.branch_prefix}env/{environment}"


def _unknown(caller: Caller, environment: str, refs: Mapping[str, str]) -> Stalled:
    start = _ref(caller, "")
    known = sorted(name.removeprefix(start) for name in refs if name.startswith(start))
    near = difflib.get_close_matches(environment, known, n=1)
    meant = f" (did you mean '{near[0]}'?)" if near else ""
    cure = (
        f"Environments here: {', '.join(known)}"
        if known
        else "The control plane makes the branch when the environment first appears on valid trunk"
    )
    return Stalled(
        "E-GIT-204",
        f"{shown(caller.url)} has no branch {start.removeprefix(HEADS)}{environment}{meant}",
        cure=cure,
    )


def _preview(caller: Caller, state: BranchState, wish: Wish, branch: str, parent: str) -> str:
    lines = [
        f"would push to {branch} of {shown(caller.url)}, on {parent[:12]}:",
        "",
        f"Author: {caller.author}",
        "",
        *(f"    {line}".rstrip() for line in message_of(wish).splitlines()),
        "",
    ]
    for path in sorted(wish.edits):
        before, after = state.files.get(path), wish.edits[path]
        lines += difflib.unified_diff(
            (before or b"").decode("utf-8", "replace").splitlines(),
            (after or b"").decode("utf-8", "replace").splitlines(),
            f"a/{path}" if before is not None else "/dev/null",
            f"b/{path}" if after is not None else "/dev/null",
            lineterm="",
        )
    if wish.previewed:
        lines += ["", *wish.previewed]
    return "\n".join(lines)
