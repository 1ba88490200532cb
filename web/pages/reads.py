"""What pages and JSON views read of commits, environments, rollouts, bundles, events and receipts. SELECT only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peewee import fn

from reconciler.db.drifting import open_drift
from reconciler.db.evidence import Reproduction
from reconciler.db.gating import Drift
from reconciler.db.intake import Gap, Receipt
from reconciler.db.logged import LogAlarm
from reconciler.db.models import Bundle, Commit, Environment, Event, Pointer, PublishedRoot, Release, Rollout
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.risk import Risk
from reconciler.db.webhooks import Webhook
from web.pages.scope import Scope

UNDER_WAY = ("open", "paused", "partial")


def commits(scope: Scope, *, before: int | None = None, limit: int) -> list[Commit]:
    """Commits of trunk, the newest first; `before` is a position that was already shown."""
    query = scope.rows(Commit)
    if before is not None:
        query = query.where(Commit.position < before)
    return list(query.order_by(Commit.position.desc(), Commit.id.desc()).limit(limit))


def commit(scope: Scope, sha: str) -> Commit | None:
    """The commit of that full id, or of a prefix of seven or more characters that only one commit has."""
    exact: Commit | None = scope.rows(Commit).where(Commit.sha == sha).first()
    if exact is not None or not (7 <= len(sha) < 64) or not set(sha) <= set("0123456789abcdef"):
        return exact
    found = list(scope.rows(Commit).where(Commit.sha.startswith(sha)).limit(2))
    return found[0] if len(found) == 1 else None


def commits_of(scope: Scope, shas: Iterable[str]) -> dict[str, Commit]:
    """The commits of some full ids, by id; unknown ones are absent."""
    wanted = sorted({sha for sha in shas if sha})
    if not wanted:
        return {}
    return {row.sha: row for row in scope.rows(Commit).where(Commit.sha.in_(wanted))}


def commits_with_digest(scope: Scope, digest: str, *, limit: int) -> list[Commit]:
    """The commits that compile to one digest, the newest first."""
    query = scope.rows(Commit).where(Commit.digest == digest)
    return list(query.order_by(Commit.position.desc()).limit(limit))


def newest_compiled(scope: Scope) -> Commit | None:
    """The newest commit that compiled."""
    query = scope.rows(Commit).where(Commit.state == "compiled").order_by(Commit.position.desc())
    found: Commit | None = query.first()
    return found


def outline(scope: Scope, digest: str, environment: str) -> ConfigurationOutline | None:
    """What is told of an environment's configuration in a bundle, if it is kept."""
    mine = (ConfigurationOutline.digest == digest, ConfigurationOutline.environment == environment)
    found: ConfigurationOutline | None = scope.rows(ConfigurationOutline).where(*mine).first()
    return found


def root(organization: str) -> PublishedRoot | None:
    """The newest root of an organization, as the clock saw it last."""
    return PublishedRoot.get_or_none(PublishedRoot.organization == organization)


def log_alarms(scope: Scope) -> list[LogAlarm]:
    """The alarms of the project's log that nobody acknowledged, its organization's own included; the oldest first."""
    scopes = (scope, Scope(scope.organization, ""))
    open_ones = [one.rows(LogAlarm).where(LogAlarm.acknowledged_at.is_null()) for one in scopes]
    return sorted((row for rows in open_ones for row in rows), key=lambda row: row.id)


def drift(scope: Scope) -> list[Drift]:
    """What drifts now, the oldest first."""
    return open_drift(scope.organization, scope.project)


def past_drift(scope: Scope, *, before: int | None = None, limit: int) -> list[Drift]:
    """What drifted and is over, the newest first; `before` is the number of a row that was already shown."""
    query = scope.rows(Drift).where(Drift.resolved_at.is_null(False))
    if before is not None:
        query = query.where(Drift.id < before)
    return list(query.order_by(Drift.id.desc()).limit(limit))


def commit_counts(scope: Scope) -> dict[str, int]:
    """How many commits there are in each state."""
    return _counts(scope, Commit, Commit.state)


def environments(scope: Scope) -> list[Environment]:
    """The environments in promotion order."""
    return list(scope.rows(Environment).order_by(Environment.position, Environment.name))


def environment(scope: Scope, name: str) -> Environment | None:
    """One environment, or None."""
    found: Environment | None = scope.rows(Environment).where(Environment.name == name).first()
    return found


def rollouts(
    scope: Scope,
    *,
    environment: str | None = None,
    state: str | None = None,
    digest: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Rollout]:
    """Rollouts, the newest first; `before` is the number of a row that was already shown."""
    query = scope.rows(Rollout)
    for column, value in (
        (Rollout.environment, environment),
        (Rollout.state, state),
        (Rollout.digest, digest),
    ):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(Rollout.id < before)
    return list(query.order_by(Rollout.id.desc()).limit(limit))


def rollout(scope: Scope, environment: str, name: str) -> Rollout | None:
    """One rollout, or None."""
    query = scope.rows(Rollout).where(Rollout.environment == environment, Rollout.name == name)
    found: Rollout | None = query.first()
    return found


def rollouts_under_way(scope: Scope) -> list[Rollout]:
    """The rollouts that decide what nodes run: open, paused and partial, the newest first."""
    return list(scope.rows(Rollout).where(Rollout.state.in_(UNDER_WAY)).order_by(Rollout.id.desc()))


def rollouts_of_digests(scope: Scope, digests: Iterable[str]) -> list[Rollout]:
    """All rollouts of some digests, the oldest first."""
    wanted = sorted({digest for digest in digests if digest})
    if not wanted:
        return []
    return list(scope.rows(Rollout).where(Rollout.digest.in_(wanted)).order_by(Rollout.id))


def newest_rollouts(scope: Scope, environments: Iterable[Environment]) -> dict[str, Rollout]:
    """The newest rollout of each environment, by environment name."""
    found = (rollouts(scope, environment=row.name, limit=1) for row in environments)
    return {rows[0].environment: rows[0] for rows in found if rows}


def stations(scope: Scope, environments: Iterable[Environment]) -> dict[str, int]:
    """The position on trunk of the commit that each environment runs; one that runs nothing is absent."""
    commits: dict[str, str] = {}
    for row in environments:
        history = (row.view or {}).get("history") or ()
        newest: dict[str, Any] = max(history, key=lambda entry: entry.get("sequence") or 0, default={})
        found = rollout(scope, row.name, str(newest.get("rollout") or ""))
        if found is not None:
            commits[row.name] = str((found.view or {}).get("commit") or "")
    known = commits_of(scope, commits.values())
    return {name: known[sha].position for name, sha in commits.items() if sha in known}


def rollout_counts(scope: Scope) -> dict[str, int]:
    """How many rollouts there are in each state."""
    return _counts(scope, Rollout, Rollout.state)


def pointers(scope: Scope, environment: str | None = None) -> list[Pointer]:
    """What the cohorts of the project, or of one environment, are offered; without the signed bytes."""
    columns = (Pointer.environment, Pointer.cohort, Pointer.sequence, Pointer.digest, Pointer.issued_at)
    query = scope.rows(Pointer, *columns)
    if environment is not None:
        query = query.where(Pointer.environment == environment)
    return list(query.order_by(Pointer.environment, Pointer.cohort))


def releases(scope: Scope, environment: str, *, before: int | None = None, limit: int) -> list[Release]:
    """Commits of an environment branch, the newest first; `before` is a height that was already shown."""
    query = scope.rows(Release).where(Release.environment == environment)
    if before is not None:
        query = query.where(Release.height < before)
    return list(query.order_by(Release.height.desc()).limit(limit))


def bundles(
    scope: Scope, *, search: str | None = None, before: int | None = None, limit: int
) -> list[Bundle]:
    """Published bundles, the newest first; `before` is the number of a row that was already shown, `search` the
    beginning of a digest or of the id of the first commit."""
    query = scope.rows(Bundle)
    if search:
        short = search.removeprefix("sha256:")
        query = query.where(Bundle.digest.startswith(f"sha256:{short}") | Bundle.commit.startswith(short))
    if before is not None:
        query = query.where(Bundle.id < before)
    return list(query.order_by(Bundle.id.desc()).limit(limit))


def bundle(scope: Scope, digest: str) -> Bundle | None:
    """The bundle of that digest, or None."""
    found: Bundle | None = scope.rows(Bundle).where(Bundle.digest == digest).first()
    return found


def bundles_of(scope: Scope, digests: Iterable[str]) -> dict[str, Bundle]:
    """The bundles of some digests, by digest; unknown ones are absent."""
    wanted = sorted({digest for digest in digests if digest})
    if not wanted:
        return {}
    return {row.digest: row for row in scope.rows(Bundle).where(Bundle.digest.in_(wanted))}


def risks_of(scope: Scope, digests: Iterable[str]) -> list[Risk]:
    """The risks of some bundles, to every environment and against whatever ran there."""
    wanted = sorted({digest for digest in digests if digest})
    if not wanted:
        return []
    return list(scope.rows(Risk).where(Risk.digest.in_(wanted)).order_by(Risk.id))


def reproductions(scope: Scope, digests: Iterable[str]) -> list[Reproduction]:
    """How rebuilding some digests from their commits ended, those that were looked at last first."""
    wanted = sorted(digests)
    if not wanted:
        return []
    query = scope.rows(Reproduction).where(Reproduction.digest.in_(wanted))
    return list(query.order_by(Reproduction.checked_at.desc(), Reproduction.id))


def bundle_count(scope: Scope) -> int:
    """How many bundles are published."""
    return int(scope.rows(Bundle).count())


def events(
    scope: Scope,
    *,
    subject: str | None = None,
    kind: str | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[Event]:
    """Events, the newest first; with `after`, those after it, the oldest first."""
    query = scope.rows(Event)
    if subject is not None:
        query = query.where(Event.subject == subject)
    if kind is not None:
        query = query.where((Event.kind == kind) | Event.kind.startswith(f"{kind}."))
    if before is not None:
        query = query.where(Event.id < before)
    if after is not None:
        return list(query.where(Event.id > after).order_by(Event.id).limit(limit))
    return list(query.order_by(Event.id.desc()).limit(limit))


def receipts(organization: str, connection: str, *, before: int | None = None, limit: int) -> list[Receipt]:
    """Webhook deliveries of one connection of the organization, the newest first."""
    query = Receipt.select().where(Receipt.organization == organization, Receipt.connection == connection)
    if before is not None:
        query = query.where(Receipt.id < before)
    return list(query.order_by(Receipt.id.desc()).limit(limit))


def hooks_in_trouble(organization: str, connection: str) -> list[Webhook]:
    """The webhooks of the connection of which the forge said when it was asked last that something is wrong."""
    query = Webhook.select().where(Webhook.organization == organization, Webhook.connection == connection)
    return list(query.where(Webhook.trouble != "").order_by(Webhook.url))


def gaps(organization: str, connection: str, *, limit: int) -> list[Gap]:
    """Moves that no delivery of the connection told of, those that are still unexplained and the newest first."""
    query = Gap.select().where(Gap.organization == organization, Gap.connection == connection)
    return list(query.order_by(Gap.explained_at.is_null(False), Gap.id.desc()).limit(limit))


def _counts(scope: Scope, table: Any, column: Any) -> dict[str, int]:
    query = scope.rows(table, column, fn.COUNT(table.id)).group_by(column).tuples()
    return {str(key): int(count) for key, count in query}
