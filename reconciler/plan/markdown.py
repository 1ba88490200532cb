"""A plan as Markdown: what a pull request is told, and a terminal. The first screen answers whether it will break,
where it goes, how far it reaches and what to do next; what is lost stands outside of every fold.

Nothing that a repository holds can steer the page: names stand in code, and sentences are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler import clock
from reconciler.compile.diff.changes import Action, FieldChange
from reconciler.compile.diff.text import field_text, raw_text
from reconciler.compile.risk import Level
from reconciler.config.characters import escaped
from reconciler.config.findings import Finding, Severity
from reconciler.plan.model import EnvironmentPlan, Plan, Shared, Verdict, shared_changes
from reconciler.plan.statuses import counted, counted_as

MOST_REASONS = 8
MOST_ROWS = 100
MOST_CHANGES = 200
MOST_FIELDS = 12
MOST_FINDINGS = 50
LONGEST_WORD = 200
SHORT = 12

SIGNS = {
    Verdict.conflict: "❌ Cannot be merged",
    Verdict.refused: "❌ Refused",
    Verdict.empty: "⏳ Nothing to plan",
    Verdict.nothing: "✅ Nothing changes",
    Verdict.ready: "✅ Ready",
}
MARKS = {Severity.error: "❌", Severity.warning: "⚠️", Severity.info: "ℹ️"}


def markdown(plan: Plan, *, limit: int = 60_000, report: str = "") -> str:
    """The whole text, at most `limit` characters: unified diffs are left out first, then what is folded.

    `report` is the address of the whole report, when there is one.
    """
    first = "\n\n".join(_first_screen(plan))
    last = "\n\n".join(_last(plan))
    folds = list(_folds(plan))
    kept: list[str] = []
    left = limit - len(first) - len(last) - 200
    whole = True
    for fold in folds:
        if len(fold) + 2 <= left:
            kept.append(fold)
            left -= len(fold) + 2
        else:
            whole = False
    parts = [first, *kept, last]
    if not whole:
        where = f": {report}" if report else "; `sentinelctl plan` shows all of it"
        parts.append(f"_Cut to {limit} characters{where}_")
    text = "\n\n".join(part for part in parts if part) + "\n"
    return text if len(text) <= limit else text[: limit - 2].rstrip("`") + "…\n"


def _first_screen(plan: Plan) -> Iterator[str]:
    sign = SIGNS[plan.verdict]
    if plan.verdict is Verdict.ready and plan.level >= Level.high:
        sign = "⚠️ Look twice"
    yield f"### {sign}{_tail(plan)}"
    yield f"{code(plan.head.commit[:SHORT])} · planned {clock.iso(plan.at)}"
    if plan.verdict is Verdict.conflict:
        yield "\n".join(f"- {code(path)} conflicts" for path in plan.conflicts[:MOST_FINDINGS])
    errors = [finding for finding in plan.findings if finding.is_error]
    if errors:
        yield _findings(errors)
    reasons = _reasons(plan)
    if reasons:
        yield "\n".join(reasons)
    if plan.environments:
        yield _table(plan.environments)
    removed = [shared for shared in shared_changes(plan) if shared.change.action is Action.removed]
    if removed:
        yield f"**Removed ({len(removed)})**\n\n" + _changes(removed)
    elif plan.environments:
        yield "**Nothing is removed.**"


def _tail(plan: Plan) -> str:
    match plan.verdict:
        case Verdict.ready:
            return f" · {counted(plan)} · risk: {plan.level.name}"
        case Verdict.refused:
            errors = sum(finding.is_error for finding in plan.findings)
            return f" · {counted_as(errors, 'error')}; no environment will change"
        case Verdict.conflict:
            return f" · conflicts in {counted_as(len(plan.conflicts), 'file')}"
        case Verdict.empty:
            return " · there is no environment, so nothing was looked at"
        case Verdict.nothing:
            return f" · for any proxy, in {counted_as(len(plan.environments), 'environment')}"


def _reasons(plan: Plan) -> list[str]:
    """Why it is risky, each once with its environments, from medium upwards and the worst first."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for environment in plan.environments:
        for reason in environment.risk.reasons:
            if reason.level >= Level.medium:
                found.setdefault((-reason.level, reason.rule, reason.reason), []).append(environment.name)
    lines = [
        f"- **{Level(-level).name}** {rule}: {plain(words)} — {', '.join(map(code, names))}"
        for (level, rule, words), names in sorted(found.items())
    ]
    more = len(lines) - MOST_REASONS
    return lines[:MOST_REASONS] + ([f"- and {counted_as(more, 'more reason')}"] if more > 0 else [])


def _table(environments: Iterable[EnvironmentPlan]) -> str:
    rows = [
        "| environment | bundle now → next | nodes | strategy | still open | earliest start |",
        "|---|---|---|---|---|---|",
    ]
    listed = list(environments)
    for e in listed[:MOST_ROWS]:
        open_still = ", ".join(plain(word) for word in (*e.waiting, *e.gates)) or "nothing"
        if not e.touched:
            rows.append(f"| {code(e.name)} | {digest(e.now)} → {digest(e.next)} | 0 | no change | | |")
            continue
        nodes = "not known" if e.nodes is None else str(e.nodes)
        restart = " (restart)" if e.difference.restart else ""
        cells = (code(e.name), f"{digest(e.now)} → {digest(e.next)}", nodes + restart, plain(e.strategy))
        rows.append(f"| {' | '.join((*cells, open_still, _start(e)))} |")
    if len(listed) > MOST_ROWS:
        rows.append(f"| and {len(listed) - MOST_ROWS} more | | | | | |")
    return "\n".join(rows)


def _start(environment: EnvironmentPlan) -> str:
    moment = clock.iso(environment.start) if environment.start is not None else ""
    return "; ".join(part for part in (moment, plain(environment.start_words)) if part) or "on merge"


def _changes(changes: list[Shared]) -> str:
    lines = []
    for shared in changes[:MOST_CHANGES]:
        change = shared.change
        kind = change.kind if change.kind == change.area else f"{change.area} {change.kind}"
        was = f" (was {code(change.was)})" if change.was else ""
        routes = ""
        if change.kind != "route" and change.routes:
            routes = f" · {counted_as(len(change.routes), 'route')}"
        lines.append(
            f"- {kind} {code(change.name)}{was}{routes} — {', '.join(map(code, shared.environments))}"
        )
        if change.action is Action.changed:
            lines += [f"  - {_field(field)}" for field in change.fields[:MOST_FIELDS]]
            if len(change.fields) > MOST_FIELDS:
                lines.append(f"  - and {len(change.fields) - MOST_FIELDS} more")
    if len(changes) > MOST_CHANGES:
        lines.append(f"- and {len(changes) - MOST_CHANGES} more")
    return "\n".join(lines)


def _field(field: FieldChange) -> str:
    return code(field_text(field))


def _folds(plan: Plan) -> Iterator[str]:
    """What can be left out, the most important first."""
    others = [finding for finding in plan.findings if not finding.is_error]
    if others:
        yield folded(f"Warnings and hints ({len(others)})", _findings(others))
    changes = shared_changes(plan)
    for action in (Action.changed, Action.added):
        found = [shared for shared in changes if shared.change.action is action]
        if found:
            yield folded(f"{action.value.capitalize()} ({len(found)})", _changes(found))
    for environment in plan.environments:
        if environment.difference.raw:
            text = raw_text(environment.difference).rstrip("\n")
            yield folded(f"Unified diff of {environment.name}", fenced(text))


def _last(plan: Plan) -> Iterator[str]:
    same = [environment.name for environment in plan.environments if not environment.touched]
    if same:
        yield f"No change for: {', '.join(map(code, same))}."
    yield f"**Next:** {_next(plan)}"
    made = plan.merged
    rows = [
        f"- head {code(plan.head.commit)}",
        f"- compared with {code(plan.base.commit)}"
        + ("" if plan.base.sound else ", which makes no bundle itself"),
        f"- tree after the merge {code(made.tree)}" if made is not None else "- no tree after the merge",
        f"- compiler {code(plan.compiler)} for both sides",
        f"- bundle {code(made.digest)}, the same for everybody who compiles this tree"
        if made is not None and made.digest
        else "- no bundle",
    ]
    yield folded("Provenance", "\n".join(rows))


def _next(plan: Plan) -> str:
    match plan.verdict:
        case Verdict.conflict:
            return "merge the target branch into this one, resolve the conflicts and push."
        case Verdict.refused:
            return "correct the errors and push; `sentinelctl validate` finds them before you do."
        case Verdict.empty:
            return "add an `environment`; until then nothing is published."
        case Verdict.nothing:
            return "merge when you like; every node keeps running what it runs."
        case Verdict.ready:
            first = [e.name for e in plan.touched if not e.start_words]
            if first:
                return f"merging starts {', '.join(map(code, first))}; the others follow as the table says."
            return "after the merge, environments follow as the table says."


def _findings(findings: list[Finding]) -> str:
    lines = []
    for finding in findings[:MOST_FINDINGS]:
        where = f"{code(str(finding.place))} " if finding.place else ""
        expected = f"; expected {plain(finding.expected)}" if finding.expected else ""
        hint = f" ({plain(finding.hint)})" if finding.hint else ""
        words = f"{plain(finding.message)}{expected}{hint}"
        lines.append(f"- {MARKS[finding.severity]} {where}{code(finding.code)} {words}")
    if len(findings) > MOST_FINDINGS:
        lines.append(f"- and {len(findings) - MOST_FINDINGS} more")
    return "\n".join(lines)


def digest(value: str | None) -> str:
    """Twelve hex digits of a bundle's digest."""
    if value is None:
        return "not known"
    return code(value.removeprefix("sha256:")[:SHORT]) if value else "nothing"


def code(text: str) -> str:
    """Text as code on one line, whatever it holds; a table's cell stays one."""
    short = text if len(text) <= LONGEST_WORD else text[: LONGEST_WORD - 1] + "…"
    one_line = escaped(short.replace("\n", "⏎").replace("\t", " ").replace("`", "ˋ").replace("|", "¦"))
    return f"`{one_line}`" if one_line.strip() else "` `"


def plain(text: str) -> str:
    """A sentence that cannot be more than one: no tags, links, mentions or columns."""
    return _STEERING.sub(lambda match: _HARMLESS[match[0]], escaped(" ".join(text.split())))


_HARMLESS = {
    "\\": "\\\\",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "|": "&#124;",
    "`": "\\`",
    "*": "\\*",
    "_": "\\_",
    "[": "\\[",
    "]": "\\]",
    "~": "\\~",
    "@": "@\u200b",
    "#": "#\u200b",
    "://": ":\u200b//",
}
_STEERING = re.compile("|".join(map(re.escape, _HARMLESS)))


def fenced(text: str) -> str:
    """A diff in a block of code that it cannot end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}diff\n{text}\n{fence}"


def folded(title: str, body: str) -> str:
    """A part that is opened by a click."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
