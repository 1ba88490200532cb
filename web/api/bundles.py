"""Operations on bundles: compile a commit, propose files, forbid and allow, compare two, and check one.

What changes something is asked of a worker. Comparing and checking read the object store, and use no key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pygit2
from flask import Blueprint, abort, g
from flask.typing import ResponseReturnValue

from reconciler.bundle.archive import unpack
from reconciler.bundle.examine import Offered, examine
from reconciler.bundle.limits import LIMITS
from reconciler.config.report import Problem as Unusable
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.source import LANGUAGE, SourceFile
from reconciler.config.tripwire import search
from reconciler.db import asking
from reconciler.db.models import Bundle
from reconciler.errors import Refused
from reconciler.store import layout
from reconciler.store.port import Missing
from web.api import asked
from web.api.bodies import read_object
from web.api.changes import HEEDS, changes
from web.api.described import describes
from web.api.files import REMOVED, STATEMENT_LIMIT, UNPACKING, open_bundles
from web.api.leaks import refusal_of
from web.auth import gate
from web.auth.actions import needs
from web.auth.recording import actor_of
from web.pages import reads
from web.pages.entrance import scope
from web.pages.rendering import now
from web.problems import answer, of_refusal

blueprint = Blueprint("bundles", __name__, url_prefix="/api/v1/projects/<project>/bundles")

FILE = RepositoryPath((LANGUAGE,))
MOST_FILES = 200
MOST_DIFF = 512 * 1024
"""Characters of all differences together; the rest is named and not shown."""

MOST_ROOTS = 32


@blueprint.post("")
@changes("NewBundle")
@needs("bundles:write")
def create() -> ResponseReturnValue:
    """Compile a commit of trunk now (`commit`), or propose `files` on a branch of their own; trunk makes the bundle."""
    try:
        body = read_object({"commit": str, "files": dict, "why": str}, required=frozenset())
        if ("commit" in body) == ("files" in body):
            raise Refused("E-API-001", "there is not exactly one of 'commit' and 'files'", cure="Send one")
        if "why" in body:
            asked.words("why", body["why"])
        if "commit" in body:
            asked.words("commit", body["commit"])
            wanted = asked.wanted("", "bundle.compile", body, work="compile")
        else:
            files = _files(body.pop("files"))
            leaked = refusal_of(
                search(SourceFile(path, text.encode()) for path, text in files.items() if text is not None)
            )
            if leaked is not None:
                return answer(leaked)
            content = json.dumps(files, sort_keys=True)
            body["paths"] = sorted(files)
            body["sha256"] = hashlib.sha256(content.encode()).hexdigest()
            wanted = asked.wanted(
                "", "files.propose", {**body, "propose": True}, content=content, work="edit"
            )
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


@blueprint.post("/<digest>/revoke")
@describes("Change", many=True, body="Why", heeds=HEEDS, status=202, otherwise=(413, 422))
@needs("bundles:write")
def revoke(digest: str) -> ResponseReturnValue:
    """Forbid a bundle in every environment: a commit in each. A rollout of it goes back; where it is live, it stays."""
    return _everywhere(digest, "revoke")


@blueprint.post("/<digest>/allow")
@describes("Change", many=True, body="Why", heeds=HEEDS, status=202, otherwise=(413, 422))
@needs("bundles:write")
def allow(digest: str) -> ResponseReturnValue:
    """Allow a bundle again in every environment."""
    return _everywhere(digest, "allow")


@blueprint.get("/<digest>/diff/<other>")
@describes("BundleDiff", otherwise=(409,), cost=UNPACKING)
@needs("bundles:read")
def diff(digest: str, other: str) -> ResponseReturnValue:
    """What is otherwise in `other` than in this bundle, file by file, as a unified diff."""
    first, second = _row(digest), _row(other)
    try:
        before, after = _unpacked(first), _unpacked(second)
    except Missing:
        return answer(REMOVED)
    items, left = [], MOST_DIFF
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        state = "added" if old is None else "removed" if new is None else "changed"
        text = _patch(old or b"", new or b"", path)
        shown = text if text is not None and len(text) <= left else None
        left -= len(shown or "")
        items.append({"path": path, "state": state, "diff": shown})
    return {"digest": first.digest, "other": second.digest, "files": items}


@blueprint.get("/<digest>/verification")
@describes("Verification", otherwise=(409,), cost=UNPACKING)
@needs("bundles:read")
def verification(digest: str) -> ResponseReturnValue:
    """Apply the checks of a node that need no pointer to the bundle as it is in the store, one by one."""
    row = _row(digest)
    owner = (str(row.organization), str(row.project))
    store = open_bundles()
    try:
        blob = store.get(layout.bundle(*owner, str(row.digest)), limit=LIMITS.blob)
        statement = store.get(layout.statement(*owner, str(row.digest)), limit=STATEMENT_LIMIT)
    except Missing:
        return answer(REMOVED)
    keys = sorted(store.list(layout.roots(owner[0])), key=layout.root_version)[-MOST_ROOTS:]
    roots = tuple(store.get(key, limit=LIMITS.root) for key in keys)
    found = examine(Offered(roots, blob, statement), now=now())
    return {
        "digest": row.digest,
        "good": found.good,
        "checks": [
            {
                "name": result.check.title,
                "outcome": result.outcome.name,
                "message": result.words or None,
                "code": result.code or None,
            }
            for result in found.results
        ],
        "unchecked": list(found.unchecked),
        "first_root_sha256": found.first or None,
    }


def _everywhere(digest: str, operation: str) -> ResponseReturnValue:
    row = _row(digest)
    try:
        body = read_object({"why": str}, required=frozenset({"why"}))
        asked.words("why", body["why"])
        named = asked.idempotency()
        rows = []
        for environment in reads.environments(scope()):
            wanted = asked.wanted(environment.name, operation, {"digest": row.digest, **body})
            if named is not None:
                name = hashlib.sha256(f"{named}\n{environment.name}".encode()).hexdigest()
                wanted = replace(wanted, idempotency=name)
            found = asking.ask_for(wanted, actor_of(gate.caller()), now=now())
            if not asked.is_same(found, wanted):
                return answer(asked.SAME_NAME)
            rows.append(found)
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return {"items": [asked.form(one) for one in rows], "next": None}, 202


def _files(given: dict[str, Any]) -> dict[str, str | None]:
    """Files by path. Raises `Refused` E-API-005."""
    if not 1 <= len(given) <= MOST_FILES:
        raise Refused("E-API-005", f"'files' has not 1 to {MOST_FILES} files", cure="Send fewer at once")
    for path, text in given.items():
        hidden = any(part.startswith(".") for part in path.split("/"))
        if hidden or isinstance(FILE.read(path), Unusable):
            raise Refused("E-API-005", "'files' has a path that cannot be used", cure=f"Use {FILE.expected}")
        if text is not None and not (isinstance(text, str) and _is_text(text)):
            raise Refused("E-API-005", "'files' has something else than text", cure="Send text, or null")
    return given


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _row(digest: str) -> Bundle:
    row = reads.bundle(scope(), digest)
    if row is None:
        abort(404)
    return row


def _unpacked(row: Bundle) -> dict[str, bytes]:
    key = layout.bundle(g.place.organization, g.place.project, str(row.digest))
    return {
        path: bytes(content) for path, content in unpack(open_bundles().get(key, limit=LIMITS.blob)).items()
    }


def _patch(old: bytes, new: bytes, path: str) -> str | None:
    """A unified diff, or None for what is no text."""
    if b"\0" in old or b"\0" in new:
        return None
    make: Callable[..., Any] = pygit2.Patch.create_from
    try:
        text = make(old, new, old_as_path=path, new_as_path=path).text
    except (UnicodeDecodeError, pygit2.GitError):
        return None
    return str(text)
