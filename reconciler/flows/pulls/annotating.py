"""What was found in a pull request, to be shown beside the lines that it is about, on forges that can."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from reconciler.bundle import canonical
from reconciler.flows.context import Context
from reconciler.flows.pulls.reaching import instance_of, page_of
from reconciler.forge.calling import Api
from reconciler.forge.port import APP_PREFIX
from reconciler.forge.reports import Annotation, Report, report_to_json
from reconciler.plan.model import Plan
from reconciler.plan.statuses import context as named
from reconciler.plan.statuses import counted_as, cut

MOST = 100
LONGEST = 1000


def annotates(api: Api) -> bool:
    """Whether the forge shows findings beside lines, to whoever we are there."""
    forge = api.forge
    return forge.annotate is not None and (not forge.annotates_as_app or api.user.startswith(APP_PREFIX))


def report_of(context: Context, plan: Plan) -> Report:
    """The findings of what merging gives, at the head; errors first."""
    errors = sum(finding.is_error for finding in plan.findings)
    placed = sorted((one for one in plan.findings if one.place is not None), key=lambda one: not one.is_error)
    annotations = tuple(
        Annotation(
            one.place.path,
            one.place.line,
            str(one.severity),
            one.code,
            " · ".join(part for part in (one.message, one.expected, one.hint) if part)[:LONGEST],
        )
        for one in placed[:MOST]
        if one.place is not None
    )
    report = Report(
        plan.head.commit,
        named(instance_of(context), context.project.slug, "findings"),
        not errors,
        cut(f"{counted_as(errors, 'error')} of {counted_as(len(plan.findings), 'finding')}"),
        page_of(context),
        "",
        annotations,
    )
    return replace(report, id=hashlib.sha256(canonical.encode(report_to_json(report))).hexdigest())
