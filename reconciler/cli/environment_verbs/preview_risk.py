"""The risk of a promotion, for `--dry-run`: both commits are compiled here, as their bundles were."""

from __future__ import annotations

from reconciler.cli.validate import check
from reconciler.compile.compiler import CompiledEnvironment
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.risk import assess
from reconciler.flows.compiling import read_project
from reconciler.git.mirror import Mirror
from reconciler.release.state import Ledger

MOST = 10


def risk_lines(
    mirror: Mirror, environment: str, ledger: Ledger | None, commit: str, folder: str
) -> tuple[str, ...]:
    """Level and reasons of bringing an environment from what it runs to a commit's bundle, one line each.

    It is unknown when git does not say which commit one of the two is of, or when that commit does not compile here.
    """
    if ledger is None or not ledger.history:
        return (f"Risk: low, nothing runs in {environment}",)
    live = ledger.history[0].commit
    before, after = (_compiled(mirror, sha, environment, folder) for sha in (live, commit))
    if isinstance(before, str) or isinstance(after, str):
        words = before if isinstance(before, str) else after
        return (f"Risk: unknown, {words}",)
    risk = assess(compare_environments(environment, before, after, raw=False))
    lines = [f"Risk: {risk.level.name}, against {live[:12]}, which runs in {environment}"]
    for reason in risk.reasons[:MOST]:
        routes = f" (on {', '.join(reason.routes[:MOST])})" if reason.routes else ""
        lines.append(f"  {reason.level.name} {reason.rule}: {reason.reason}{routes}")
    if len(risk.reasons) > MOST:
        lines.append(f"  and {len(risk.reasons) - MOST} more")
    if after is not None:
        parts = {"proxies": after.proxy_version, "agents": after.agent_version}
        lines += [
            f"Needs: {part} of {version} or newer; nodes with an older one are left out"
            for part, version in parts.items()
            if version
        ]
    return tuple(lines)


def _compiled(mirror: Mirror, sha: str, environment: str, folder: str) -> CompiledEnvironment | str | None:
    """The environment as a commit compiles here, None when it has none of that name, or why that is not known."""
    if not sha or not mirror.has_commit(sha):
        return "git does not say which commit the bundle was made of"
    files, findings = read_project(mirror, sha, folder)
    compilation, _ = check(files) if not findings else (None, ())
    if compilation is None:
        return f"commit {sha[:12]} does not compile with this version"
    return next((found for found in compilation.environments if found.name == environment), None)
