"""Plans a pull request: the forge is asked what it is, and what it would do is written down together with what the
forge is to be told of it.

A plan is of a head and of the trunk it would be merged into. Until there is one of the newest of both, the commit's
statuses are pending; they turn green in the transaction in which the plan is written, and in no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from peewee import fn

from reconciler.bundle.build import BuiltBundle
from reconciler.compile.compiler import Compilation
from reconciler.config.findings import Finding
from reconciler.config.installation import Project
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.db.forge import Pull
from reconciler.db.models import Environment, Node
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace, Stalled
from reconciler.flows.compiling import build_confined
from reconciler.flows.context import Context
from reconciler.flows.intake.repository import sharing
from reconciler.flows.outcome import Outcome
from reconciler.flows.planning import plan_merge
from reconciler.flows.pulls.annotating import annotates, report_of
from reconciler.flows.pulls.outbox import tell_note, tell_report, tell_statuses
from reconciler.flows.pulls.reaching import api_of, instance_of, page_of
from reconciler.flows.vouching import unverified
from reconciler.forge.calling import Api
from reconciler.forge.port import PullInfo
from reconciler.forge.request import path_of
from reconciler.git.merging import merge_base
from reconciler.git.mirror import Mirror
from reconciler.plan.markdown import markdown
from reconciler.plan.model import Plan, Standing
from reconciler.plan.statuses import of_plan, pending
from reconciler.plan.summary import summary

MARGIN = 500
"""What a comment holds besides the plan."""


def run(context: Context, subject: str, renew: Callable[[], None]) -> Outcome:
    """Plan pull request `subject` for every project of the repository that it concerns.

    Raises as the forge and git do, and `LostRace` E-FRG-020 when trunk or the pull request moved on meanwhile.
    """
    api, number = api_of(context), int(subject)
    if api is None:
        return Outcome("unchanged", "the connection names no credentials to tell the forge anything with")
    path = path_of(context.project.repository)
    info = api.ask(api.forge.pull(path, number), api.forge.read_pull, now=context.now())
    projects = [p for p in sharing(context.installation, context.project) if p.trunk == info.target]
    if not info.open or not projects:
        with writing():
            _rows(context, number).execute()
        return Outcome("changed", f"pull request {number} is closed, or goes nowhere that matters")
    refs = context.mirror.fetch()
    onto = refs.get(f"refs/heads/{info.target}")
    if onto is None:
        raise Stalled("E-FRG-021", f"the branch '{info.target}' of pull request {number} is not there")
    head = head_of(context.mirror, refs, info, api.forge.pull_ref(number))
    planned = []
    for project in projects:
        own = replace(context, project=project, _mirror=context.mirror)
        verdict = plan_one(own, api, info, onto, head, renew)
        planned += [f"{project.slug}: {verdict}"] if verdict else []
        renew()
    return Outcome("changed", f"{head[:12]} into {onto[:12]}: {', '.join(planned) or 'planned before'}")


def head_of(mirror: Mirror, refs: dict[str, str], info: PullInfo, ref: str) -> str:
    """The head commit, whole and in the mirror: on its branch, or where the forge keeps heads of pull requests."""
    branch = refs.get(f"refs/heads/{info.source}", "") if info.source else ""
    if branch and branch.startswith(info.head):
        return branch
    if mirror.has_commit(info.head):
        return info.head
    if not ref:
        raise Stalled(
            "E-FRG-022",
            f"the head {info.head[:12]} of pull request {info.number} is in another repository",
            cure="Push its branch into this one",
        )
    found = mirror.fetch_ref(ref)
    if not found.startswith(info.head):
        raise LostRace("E-FRG-020", f"pull request {info.number} moved on while it was looked at")
    return found


def plan_one(
    context: Context, api: Api, info: PullInfo, onto: str, head: str, renew: Callable[[], None]
) -> str:
    """Plan for one project; the verdict, empty when there is nothing new to plan."""
    number = info.number
    key = {
        "organization": context.organization.slug,
        "project": context.project.slug,
        "number": number,
    }
    concerned = concerns(context.mirror, context.project, onto, head)
    with writing():
        Pull.insert(**key, concerned=concerned).on_conflict_ignore().execute()
        row = Pull.get(**key)
        if row.open and row.verdict and (row.head, row.onto) == (head, onto):
            return ""
        row.open, row.concerned, row.head, row.onto, row.verdict = True, concerned, head, onto, ""
        row.save()
        if not concerned:
            return ""
        tell_statuses(context, head, pending(instance_of(context), context.project.slug), page_of(context))
    renew()
    plan = _held(context, _plan(context, onto, head, keep=bool(info.source)))
    said = text_of(context, number, plan, api.forge.longest_note)
    with writing():
        saved = (
            Pull.update(verdict=str(plan.verdict), text=said, plan=summary(plan), planned_at=context.now())
            .where(Pull.id == row.id, Pull.head == head, Pull.onto == onto, Pull.open)
            .execute()
        )
        if not saved:
            raise LostRace("E-FRG-020", f"pull request {number} moved on while it was planned")
        statuses = of_plan(plan, instance_of(context), context.project.slug)
        tell_statuses(context, head, statuses, f"{page_of(context)}/pulls/{number}")
        tell_note(context, number, said)
        if annotates(api):
            tell_report(context, report_of(context, plan))
    return str(plan.verdict)


def concerns(mirror: Mirror, project: Project, onto: str, head: str) -> bool:
    """Whether the branch changes something in the project's folder."""
    base = merge_base(mirror, onto, head)
    if not project.path or base is None:
        return True
    return mirror.entry_id(base, project.path) != mirror.entry_id(head, project.path)


def marker(context: Context, number: int) -> str:
    """What our comment is found by, which nobody sees."""
    return f"<!-- sentinel:pr:{instance_of(context)}:{context.project.slug}:{number} v1 -->"


def text_of(context: Context, number: int, plan: Plan, longest: int) -> str:
    """The comment."""
    name = f"**{context.project.slug}**\n\n" if context.project.path else ""
    body = markdown(plan, limit=longest - MARGIN, report=f"{page_of(context)}/pulls/{number}")
    return f"{marker(context, number)}\n{name}{body}"


def _plan(context: Context, onto: str, head: str, *, keep: bool) -> Plan:
    """With `keep` what was found out about single files is written down, so that trunk need not find it out again when
    the head is merged. Not of the head of a fork: whoever may not push to the repository writes nothing that trunk
    reads."""

    def build(
        files: Sequence[SourceFile], former: Former | None
    ) -> tuple[Compilation | None, BuiltBundle | None, tuple[Finding, ...]]:
        cache = context.compile_cache()
        made = build_confined(files, now=context.now(), former=former, cache=cache)
        if keep:
            cache.write()
        return made

    return plan_merge(
        context.mirror,
        onto,
        head,
        context.project.path,
        build=build,
        standings=standings(context),
        now=context.now(),
    )


def _held(context: Context, plan: Plan) -> Plan:
    """The plan with what trunk would not let in although it compiles."""
    if plan.merged is None:
        return plan
    found = unverified(context, plan.base.commit, plan.head.commit)
    return (
        replace(plan, merged=replace(plan.merged, findings=(*plan.merged.findings, *found)))
        if found
        else plan
    )


def standings(context: Context) -> dict[str, Standing]:
    """What is known of each environment: what it was brought to, how many nodes it has, what stands in its way."""
    own = (Node.organization == context.organization.slug, Node.project == context.project.slug)
    with reading():
        counted: Any = (
            Node.select(Node.environment, fn.COUNT(Node.id))
            .where(*own, Node.retired_at.is_null())
            .group_by(Node.environment)
            .tuples()
        )
        nodes = dict(counted)
        rows = list(
            Environment.select().where(
                Environment.organization == context.organization.slug,
                Environment.project == context.project.slug,
            )
        )
    return {
        row.name: Standing(
            digest=str((row.view or {}).get("live") or ""),
            nodes=nodes.get(row.name, 0),
            waiting=(f"{row.stalled_code}: a person has to act",) if row.stalled_code else (),
        )
        for row in rows
    }


def _rows(context: Context, number: int):  # type: ignore[no-untyped-def]
    return Pull.update(open=False).where(
        Pull.organization == context.organization.slug,
        Pull.project.in_([p.slug for p in sharing(context.installation, context.project)]),
        Pull.number == number,
    )
