"""Tells the forge what is written down: statuses first, then comments and deployments, each once, and no faster than
the forge wants.

An answer that got lost is asked for again: a status is set to what it is, and a comment of ours, or a deployment, is
looked for before one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.db.forge import Outgoing
from reconciler.db.owed import ask
from reconciler.db.promotions import Promotion
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.pulls.budget import budget_of
from reconciler.flows.pulls.pull import marker
from reconciler.flows.pulls.reaching import api_of
from reconciler.forge.calling import Api, NotThere
from reconciler.forge.opening import OPENERS, Proposal
from reconciler.forge.port import APP_PREFIX
from reconciler.forge.reports import Deployment, report_from_json
from reconciler.forge.request import path_of
from reconciler.plan.statuses import Status

PAGE = 200
"""Things to tell that are read at once."""

MOST_PAGES = 50
MOST_GONE = 20
"""Of a kind, what is not there at the forge, before it is taken that nothing of that kind can be told."""


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Tell what has not been told. Raises as the forge does; what was told until then is noted.

    What a person must see to, such as a right that the credentials lack, keeps back its own kind, and what is not there
    only itself: it is raised when everything else was told.
    """
    api, connection = api_of(context), context.connection
    if api is None or connection is None:
        return Outcome("unchanged", "the connection names no credentials to tell the forge anything with")
    budget = budget_of(context, connection, api.address)
    told = 0
    troubles: dict[str, list[Stalled]] = {}
    for one in _waiting(context):
        before = troubles.get(one.kind, [])
        if len(before) >= MOST_GONE or not all(isinstance(trouble, NotThere) for trouble in before):
            continue
        moment = budget.free_at(note=one.kind == "note")
        if moment is not None and moment > context.now():
            return Outcome("waiting", "the forge wants a pause", look_again_at=moment)
        try:
            remote = _say(context, api, one)
        except Refused as refused:
            _give_up(one, str(refused))
            continue
        except Stalled as trouble:
            troubles.setdefault(one.kind, []).append(trouble)
            renew()
            continue
        _done(context, one, remote)
        if one.kind == "note":
            budget.noted()
        told += 1
        if api.spent:
            moment = context.now() + api.spent[-1]
            return Outcome("waiting", f"{told} things were told; the forge's limit is nearly used up", moment)
        renew()
    for found in troubles.values():
        raise found[0]
    return Outcome("changed" if told else "unchanged", f"{told} things were told")


def _waiting(context: Context) -> Iterator[Outgoing]:
    """What has not been told, a page at a time: after a long absence of the forge there may be a lot of it."""
    place = (
        (Outgoing.organization == context.organization.slug)
        & (Outgoing.project == context.project.slug)
        & (Outgoing.wanted != Outgoing.sent)
        & (Outgoing.problem == "")
    )
    wanted = place
    while True:
        with reading():
            page = list(
                Outgoing.select().where(wanted).order_by(Outgoing.kind.desc(), Outgoing.id).limit(PAGE)
            )
        yield from page
        if len(page) < PAGE:
            return
        kind, number = page[-1].kind, page[-1].id
        wanted = place & ((Outgoing.kind < kind) | ((Outgoing.kind == kind) & (Outgoing.id > number)))


def _say(context: Context, api: Api, one: Outgoing) -> str:
    path, now, forge = path_of(context.project.repository), context.now(), api.forge
    if one.kind == "status":
        words = one.words
        status = Status(words["context"], words["state"], words["description"])
        api.send(forge.status(path, words["sha"], status, words["url"]), now=now)
        return ""
    if one.kind == "proposal":
        opener = OPENERS.get(context.connection.forge if context.connection is not None else "")
        if opener is None:
            # It was written down when the project was on another forge.
            return ""
        told = Proposal(**one.words)
        return str(opener(lambda request, read: api.ask(request, read, now=now), path, told))
    if one.kind == "closing":
        number = int(one.words["number"])
        version = api.ask(forge.pull(path, number), forge.version_of_pull, now=now)
        api.send(forge.close(path, number, version), now=now)
        return ""
    if one.kind == "report":
        if forge.annotate is not None:
            forge.annotate(
                lambda request, read: api.ask(request, read, now=now), path, report_from_json(one.words)
            )
        return ""
    if one.kind == "deployment":
        if forge.deploy is not None:
            forge.deploy(lambda request, read: api.ask(request, read, now=now), path, Deployment(**one.words))
        return ""
    number, text = int(one.subject), one.words["text"]
    note = one.remote or _find(context, api, number)
    try:
        if note:
            version = 0
            if forge.get_note is not None:
                version = api.ask(forge.get_note(path, number, note), forge.version_of, now=now)
            api.send(forge.edit_note(path, number, note, text, version), now=now)
            return note
    except NotThere:
        # Somebody has deleted it. If it is the pull request that is gone, the next request says so.
        note = ""
    return api.ask(forge.add_note(path, number, text), forge.read_note, now=now)


def _find(context: Context, api: Api, number: int) -> str:
    """Our comment, when it was written and the answer got lost. Somebody else's with our mark in it is not ours."""
    forge, path, now = api.forge, path_of(context.project.repository), context.now()
    me = api.user
    if forge.me is not None and not me.startswith(APP_PREFIX):
        me = api.ask(forge.me, forge.read_me, now=now)
    mark = marker(context, number)
    for page in range(1, MOST_PAGES + 1):
        notes = api.ask(forge.notes(path, number, page), forge.read_notes, now=now)
        for note in notes:
            if note.author == me and note.body.startswith(mark):
                return note.id
        if not notes:
            break
    return ""


def _done(context: Context, one: Outgoing, remote: str) -> None:
    """What was told; there may be something newer to say by now, which stays to be said."""
    with writing():
        Outgoing.update(sent=one.wanted, remote=remote, sent_at=context.now()).where(
            Outgoing.id == one.id
        ).execute()
        for row in _promoting(context, one) if one.kind == "proposal" else ():
            ask(context.organization.slug, context.project.slug, "promotion", row, now=context.now())


def _promoting(context: Context, one: Outgoing) -> list[str]:
    """The environment whose promotion the pull request is, that was opened; it wants to know the number."""
    rows = Promotion.select(Promotion.environment).where(
        Promotion.organization == context.organization.slug,
        Promotion.project == context.project.slug,
        Promotion.branch == one.subject,
    )
    return [row.environment for row in rows]


def _give_up(one: Outgoing, problem: str) -> None:
    with writing():
        Outgoing.update(problem=problem).where(Outgoing.id == one.id, Outgoing.wanted == one.wanted).execute()
