"""Bundles, from their statements and blobs in the object store. A blob that is gone is built again from its commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from reconciler.bundle import archive
from reconciler.bundle.build import BuiltBundle
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.manifest import Manifest, check_files, environment_json
from reconciler.bundle.pointer import peek_pointer
from reconciler.bundle.statement import Statement, peek_statement
from reconciler.compile.compiler import COMPILER, Compilation
from reconciler.config.findings import has_errors
from reconciler.db.models import Bundle
from reconciler.db.session import reading, writing
from reconciler.errors import Refused
from reconciler.flows.compiling import build_confined, read_project
from reconciler.flows.context import Context
from reconciler.flows.roots import trusted_roots
from reconciler.flows.statements import Standing, StoredBundle, judge
from reconciler.store import layout
from reconciler.store.port import Missing


def bring_bundles(context: Context, say: Callable[[str], None]) -> str:
    """Write a row for each bundle that a good statement is about. What a pointer names has to be there, and is built
    again where it is not; the others without a blob count as removed."""
    with reading():
        query = Bundle.select(Bundle.digest).where(
            Bundle.organization == context.organization.slug, Bundle.project == context.project.slug
        )
        known = {row.digest for row in query}
    pointed = set(_pointed(context))
    made = removed = refused = 0
    for digest, envelope in _statements(context):
        if digest in known:
            continue
        try:
            statement, standing = _judged(context, digest, envelope)
            row = _row(context, statement, needed=digest in pointed, say=say)
        except Refused as refusal:
            refused += 1
            say(f"the bundle {digest[:19]} is left out: {refusal}")
            continue
        with writing():
            Bundle.insert(**row, root_version=_signed_under(context, standing)).on_conflict_ignore().execute()
        made += 1
        removed += row["removed_at"] is not None
    left = f", {refused} are not vouched for" if refused else ""
    return f"{made} bundles are known again, {removed} of them as removed{left}"


def stated_commits(context: Context) -> Mapping[str, str]:
    """Digest by the commit that each statement names, as far as they hold."""
    found = {}
    for digest, envelope in _statements(context):
        try:
            found[_judged(context, digest, envelope)[0].commit] = digest
        except Refused:
            continue
    return found


def record_compiled(context: Context, compilation: Compilation, built: BuiltBundle) -> bool:
    """Write the row of a published bundle with what only its compilation tells; False when it is not published."""
    try:
        envelope = context.store.get(_statement_key(context, built.digest), limit=LIMITS.statement)
        statement, standing = _judged(context, built.digest, envelope)
        if _blob(context, statement) is None:
            _store(context, statement, built)
    except (Missing, Refused):
        return False
    row = _stated(context, statement, built.manifest)
    row["certificates"] = {
        e.name: [one.to_json() for one in e.certificates] for e in compilation.environments
    }
    with writing():
        Bundle.insert(**row, root_version=_signed_under(context, standing)).on_conflict_ignore().execute()
    return True


def _row(
    context: Context, statement: Statement, *, needed: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    blob = _blob(context, statement)
    if blob is None and needed:
        say(f"the blob of {statement.digest[:19]} is gone, and is built again from {statement.commit[:12]}")
        blob = _build(context, statement)
    if blob is None:
        return _stated(context, statement, None) | {"removed_at": context.now()}
    return _stated(context, statement, check_files(archive.unpack(blob)))


def _stated(context: Context, statement: Statement, manifest: Manifest | None) -> dict[str, Any]:
    known = context.mirror.has_commit(statement.commit)
    return {
        "organization": statement.organization,
        "project": statement.project,
        "digest": statement.digest,
        "length": statement.tar_length,
        "blob_sha256": statement.blob_sha256,
        "blob_length": statement.blob_length,
        "commit": statement.commit,
        "compiler": statement.compiler,
        "created_at": context.mirror.commit(statement.commit).committed_at if known else context.now(),
        "environments": {}
        if manifest is None
        else {name: environment_json(e) for name, e in manifest.environments.items()},
        "removed_at": None,
    }


def _judged(context: Context, digest: str, envelope: bytes) -> tuple[Statement, Standing]:
    """Raises `Refused` when nobody ever vouched for it, or it is about another bundle of whatever project."""
    said = peek_statement(envelope, limit=LIMITS.statement)
    owner = (context.organization.slug, context.project.slug)
    if (said.organization, said.project, said.digest) != (*owner, digest):
        raise Refused("E-VER-012", "its statement is about another bundle")
    stored = StoredBundle(said.digest, said.tar_length, said.blob_sha256, said.blob_length)
    return judge(envelope, stored, trusted_roots(context))


def _blob(context: Context, statement: Statement) -> bytes | None:
    key = layout.bundle(context.organization.slug, context.project.slug, statement.digest)
    try:
        blob = context.store.get(key, limit=LIMITS.blob)
    except Missing:
        return None
    if sha256(blob).hexdigest() != statement.blob_sha256:
        raise Refused("E-VER-009", "its blob is not the one that its statement is about")
    return blob


def _build(context: Context, statement: Statement) -> bytes:
    """Compile the commit and store what comes out, when it is this very bundle. Raises `Refused` when it is not."""
    if statement.compiler != COMPILER or not context.mirror.has_commit(statement.commit):
        raise Refused(
            "E-VER-009",
            f"its blob is gone, and here is not both {statement.compiler} and commit {statement.commit}",
        )
    files, findings = read_project(context.mirror, statement.commit, statement.path)
    built = None
    if not has_errors(findings):
        cache = context.compile_cache()
        _, built, findings = build_confined(files, now=context.now(), former=None, cache=cache)
    if built is None or built.digest != statement.digest:
        raise Refused("E-VER-009", f"its blob is gone, and commit {statement.commit} does not make it")
    return _store(context, statement, built)


def _store(context: Context, statement: Statement, built: BuiltBundle) -> bytes:
    if built.blob_sha256 != statement.blob_sha256:
        raise Refused(
            "E-VER-009", "its blob is gone, and another compressor makes another one of the same files"
        )
    key = layout.bundle(context.organization.slug, context.project.slug, built.digest)
    context.store.put(key, built.blob)
    return built.blob


def _signed_under(context: Context, standing: Standing) -> int:
    """The version of the root under which a statement counts as signed: an old one has it looked at again."""
    return trusted_roots(context).newest.version if standing is Standing.good else 1


def _statements(context: Context) -> Iterator[tuple[str, bytes]]:
    for key in context.store.list(layout.statements(context.organization.slug, context.project.slug)):
        name = key.rpartition("/")[2].partition(".")[0]
        try:
            envelope = context.store.get(key, limit=LIMITS.statement)
        except (Missing, Refused):
            continue
        if key == _statement_key(context, f"sha256:{name}"):
            yield f"sha256:{name}", envelope


def _statement_key(context: Context, digest: str) -> str:
    return layout.statement(context.organization.slug, context.project.slug, digest)


def _pointed(context: Context) -> Iterator[str]:
    """What the pointers in the object store name; they only say what is worth building, so nobody has to vouch."""
    for key in context.store.list(layout.pointers(context.organization.slug, context.project.slug)):
        try:
            yield peek_pointer(context.store.get(key, limit=LIMITS.pointer), limit=LIMITS.pointer).digest
        except (Missing, Refused):
            continue
