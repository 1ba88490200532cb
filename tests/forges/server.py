"""A forge's API over real HTTP, in the words of each forge: pull requests, commit statuses and comments.

It can ask for a pause, fail, refuse, or do what it is asked and lose the answer. What it holds is one state; the forge
that it speaks as is chosen when it starts.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

from tests.forges.dialects import DIALECTS
from tests.forges.dialects.speaking import Change, Repo
from tests.forges.proposals import PROPOSING

USER, TOKEN = "sentinel-bot", "t0ken"
PAGE = {
    "github": 100,
    "gitea": 50,
    "forgejo": 50,
    "gitlab": 100,
    "bitbucket": 100,
    "bitbucket-data-center": 100,
}


@dataclass
class Reviewed:
    """What an account said last of a pull request, and of which head. `state`: approved, changes, or dismissed."""

    account: str
    state: str
    commit: str


@dataclass
class Pull:
    head: str
    source: str = "topic"
    target: str = "main"
    open: bool = True
    inside: bool = True
    merged: str = ""
    brought: tuple[str, ...] = ()
    """Commits of trunk that came by it, besides the last one."""
    reviews: list[Reviewed] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    """Heads that it had, the newest last."""

    retargeted: bool = False
    """Whether it was pointed at its target after the reviews; those of `Late` came afterwards."""

    author: str = "Dan"
    title: str = ""
    text: str = ""
    version: int = 0


@dataclass
class Note:
    id: int
    author: str
    body: str
    version: int = 0


@dataclass
class HookSet:
    """A webhook that was set up here. `attempts` are (delivery, status), `again` what was asked for."""

    id: int
    url: str
    secret: str
    attempts: list[tuple[str, int]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    alert: str = "executable"


@dataclass
class Reported:
    """Findings beside lines: (path, line, level, words)."""

    good: bool
    id: str = ""
    lines: list[tuple[str, int, str, str]] = field(default_factory=list)


@dataclass
class Deployed:
    """A deployment; `states` are all that it had."""

    id: int
    sha: str
    environment: str
    task: str
    states: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """What happens to the next request: an answer of this status, or `lost` after it was done."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "{}"
    lost: bool = False
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass
class Forge:
    """What the forge knows. `told` has each status that was ever set, in order."""

    kind: str
    repository: str
    pulls: dict[int, Pull] = field(default_factory=dict)
    notes: dict[int, list[Note]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    told: list[tuple[str, str, str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    next_id: int = 1000
    hooks: list[HookSet] = field(default_factory=list)
    repo: Repo = field(default_factory=Repo)
    deployments: list[Deployed] = field(default_factory=list)
    always: dict[str, str] = field(default_factory=dict)
    """Headers of every answer."""
    app: bytes = b""
    """The public key of the App that may get tokens here; where it is set, check runs are for it alone."""
    clock: datetime = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    issued: list[str] = field(default_factory=list)
    """Tokens that the App got."""
    reports: dict[tuple[str, str], Reported] = field(default_factory=dict)
    deaf: bool = False
    """Whether deliveries get lost."""
    heads: Callable[[str], str] = lambda branch: "f" * 40
    """The commit that a branch is at."""

    def save_hook(self, id: str, url: str, secret: str) -> HookSet:
        """Make a webhook, or change the one of this id."""
        for hook in self.hooks:
            if str(hook.id) == id:
                hook.url, hook.secret = url, secret
                return hook
        self.next_id += 1
        self.hooks.append(HookSet(self.next_id, url, secret))
        return self.hooks[-1]

    def deliver(self, hook: HookSet) -> None:
        """Send the last push again, signed as this forge signs, by a real request."""
        if self.deaf:
            return
        label = (
            "gitlab-token" if self.kind == "gitlab" and not hook.secret.startswith("whsec_") else self.kind
        )
        dialect = DIALECTS[label]
        self.next_id += 1
        (made,) = dialect.push(
            self.repo, [Change("refs/heads/main", "1" * 40, "2" * 40)], f"test-{self.next_id}"
        )
        made = dialect.sign(made, hook.secret.encode(), datetime.now(UTC))
        request = urllib.request.Request(hook.url, made.body, made.headers)
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=20).close()

    def open_pull(self, source: str, target: str, title: str, text: str) -> int | None:
        """The number of a new pull request; None when there is an open one of these branches."""
        if not (source and target and title) or self.pulls_of(source, target, open_only=True):
            return None
        number = max(self.pulls, default=0) + 1
        self.pulls[number] = Pull(self.heads(source), source, target, author=USER, title=title, text=text)
        return number

    def pulls_of(self, source: str, target: str | None = None, *, open_only: bool = False) -> list[int]:
        return [
            number
            for number, pull in self.pulls.items()
            if pull.inside
            and pull.source == source
            and target in (None, pull.target)
            and (pull.open or not open_only)
        ]

    def write_note(self, number: int, author: str, body: str) -> Note:
        self.next_id += 1
        note = Note(self.next_id, author, body)
        self.notes.setdefault(number, []).append(note)
        return note

    def set_status(self, sha: str, context: str, state: str, description: str) -> bool:
        """False when it is so already."""
        same = self.statuses.get((sha, context)) == state
        self.statuses[sha, context] = state
        self.told.append((sha, context, state, description))
        return not same

    def from_app(self, token: str) -> bool:
        """Whether a token is one of an installation's, or a proof of the App that lasts no longer than it may."""
        if token in self.issued:
            return True
        try:
            claims = jwt.decode(
                token, self.app, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except (jwt.PyJWTError, ValueError):
            return False
        now = self.clock.timestamp()
        return claims["iss"] == "42" and claims["iat"] <= now < claims["exp"] <= now + 600

    def authentic(self, headers: Any) -> bool:
        given = headers.get("Authorization", "")
        both = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        return {
            "github": given == f"Bearer {TOKEN}" or self.from_app(given.removeprefix("Bearer ")),
            "gitea": given == f"token {TOKEN}",
            "forgejo": given == f"token {TOKEN}",
            "gitlab": headers.get("PRIVATE-TOKEN") == TOKEN,
            "bitbucket": given == both,
            "bitbucket-data-center": given == f"Bearer {TOKEN}",
        }[self.kind]


Answer = tuple[int, Any]
Handler = Callable[["Forge", re.Match[str], dict[str, list[str]], dict[str, Any]], Answer]


def page_of(forge: Forge, number: int, query: dict[str, list[str]]) -> list[Note]:
    size = PAGE[forge.kind]
    start = int(query["start"][0]) if "start" in query else (int(query["page"][0]) - 1) * size
    return forge.notes.get(number, [])[start : start + size]


def find(forge: Forge, note: str) -> Note | None:
    return next((n for notes in forge.notes.values() for n in notes if str(n.id) == note), None)


# GitHub, Gitea and Forgejo.


def hub_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "user": {"login": note.author}, "body": note.body}


def hub_pull(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    number = int(match[1])
    found = forge.pulls.get(number)
    if found is None:
        return 404, {"message": "Not Found"}
    return 200, {
        "number": number,
        "state": "open" if found.open else "closed",
        "head": {"sha": found.head, "ref": found.source, "repo": {"id": 1 if found.inside else 2}},
        "base": {"ref": found.target, "repo": {"id": 1}},
        "user": {"login": found.author},
        "merged": bool(found.merged),
        "merge_commit_sha": found.merged or None,
    }


HUB_STATES = {"approved": "APPROVED", "changes": "CHANGES_REQUESTED", "dismissed": "DISMISSED"}


def hub_reviews(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """Gitea keeps the state of a dismissed review, and says beside it that it is dismissed."""
    found = []
    for n, one in enumerate(forge.pulls[int(match[1])].reviews):
        gitea = forge.kind != "github"
        document = {
            "id": n,
            "user": {"login": one.account},
            "state": "APPROVED" if gitea and one.state == "dismissed" else HUB_STATES[one.state],
            "commit_id": one.commit,
            "submitted_at": "2026-11-24T12:00:00Z" if one.account == "Late" else "2026-11-24T10:00:00Z",
            "html_url": f"https://forge.example/review/{n}",
        }
        found.append({**document, "dismissed": one.state == "dismissed"} if gitea else document)
        found.append({**document, "state": "COMMENT" if gitea else "COMMENTED"})
    size = PAGE[forge.kind]
    start = (int(query["page"][0]) - 1) * size
    return 200, found[start : start + size]


def hub_events(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    said = {"event": "base_ref_changed"} if forge.kind == "github" else {"type": "change_target_branch"}
    found = [{"event": "labeled", "type": "label", "created_at": "2026-11-24T13:00:00Z"}]
    if forge.pulls[int(match[1])].retargeted:
        found.append({**said, "created_at": "2026-11-24T11:00:00Z"})
    size = PAGE[forge.kind]
    start = (int(query["page"][0]) - 1) * size
    return 200, found[start : start + size]


def of_commit(forge: Forge, sha: str) -> list[int]:
    """The pull requests that brought a commit."""
    return [number for number, pull in forge.pulls.items() if sha in (pull.merged, pull.head, *pull.brought)]


def hub_brought(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = [{"number": number} for number in of_commit(forge, match[1])]
    if forge.kind == "github":
        return 200, found
    return (200, found[0]) if found else (404, {"message": "Not Found"})


def hub_status(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if body["state"] not in ("pending", "success", "failure", "error") or len(body["description"]) > 140:
        return 422, {"message": "Validation Failed"}
    forge.set_status(match[1], body["context"], body["state"], body["description"])
    return 201, {"state": body["state"]}


def hub_add(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if len(body["body"]) > 65_536:
        return 422, {"message": "body is too long"}
    return 201, hub_note(forge.write_note(int(match[1]), USER, body["body"]))


def hub_edit(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    note = find(forge, match[1])
    if note is None or note.author != USER:
        return 404, {"message": "Not Found"}
    note.body = body["body"]
    return 200, hub_note(note)


def hub_hook(hook: HookSet) -> dict[str, Any]:
    last = hook.attempts[-1][1] if hook.attempts else None
    return {
        "id": hook.id,
        "active": True,
        "config": {"url": hook.url, "content_type": "json"},
        "last_response": {"code": last, "status": "unused", "message": "Bad Gateway" if last else None},
    }


def hook_at(forge: Forge, match: re.Match[str]) -> HookSet:
    return next(one for one in forge.hooks if str(one.id) == match[1])


def hub_attempts(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """The newest first."""
    found = [
        {"id": n, "guid": delivery, "status_code": status, "delivered_at": minute(n), "redelivery": False}
        for n, (delivery, status) in enumerate(hook_at(forge, match).attempts)
    ]
    return 200, found[::-1]


def again(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """It is tried once more, and fails."""
    hook = hook_at(forge, match)
    hook.again.append(int(match[2]))
    hook.attempts.append((hook.attempts[int(match[2])][0], 502))
    return (202, {}) if forge.kind == "github" else (201, {"response_status": 502})


def lab_attempts(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """The newest first."""
    found = [
        {
            "id": n,
            "request_headers": {"Webhook-Id": delivery},
            "response_status": str(status) if status else "internal error",
        }
        for n, (delivery, status) in enumerate(hook_at(forge, match).attempts)
    ]
    return 200, found[::-1]


def hub_save(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    id = match[1] if match.re.groups else ""
    config = body["config"]
    if config["content_type"] != "json" or "push" not in body["events"]:
        return 422, {"message": "Validation Failed"}
    return 201, hub_hook(forge.save_hook(id, config["url"], config["secret"]))


def hub_tokens(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    forge.issued.append(f"ghs_{len(forge.issued)}")
    ends = (forge.clock + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    return 201, {"token": forge.issued[-1], "expires_at": ends}


def hub_runs(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = forge.reports.get((match[1], query["check_name"][0]))
    return 200, {"check_runs": [{"external_id": found.id}] if found else []}


def hub_run(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if not forge.app:
        return 403, {"message": "You must authenticate via a GitHub App."}
    found = body["output"]["annotations"]
    if len(found) > 50:
        return 422, {"message": "Validation Failed"}
    lines = [(one["path"], one["start_line"], one["annotation_level"], one["message"]) for one in found]
    made = Reported(body["conclusion"] == "success", body["external_id"], lines)
    forge.reports[body["head_sha"], body["name"]] = made
    return 201, {"id": 1}


def cloud_report(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    forge.reports[match[1], match[2]] = Reported(body["result"] in ("PASSED", "PASS"))
    return 200, {}


def cloud_forget(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    gone = forge.reports.pop((match[1], match[2]), None)
    return (204, None) if gone else (404, {"type": "error"})


def cloud_lines(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """A list for Bitbucket Cloud, an object for Data Center."""
    found = body["annotations"] if isinstance(body, dict) else body
    report = forge.reports[match[1], match[2]]
    report.lines += [
        (one["path"], one["line"], one["severity"], one.get("summary") or one["message"]) for one in found
    ]
    return 200, {}


def center_forget(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    forge.reports[match[1], match[2]].lines.clear()
    return 204, None


def hub_deployments(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    return 200, [
        {"id": one.id, "sha": one.sha}
        for one in forge.deployments
        if [[one.sha], [one.environment], [one.task]]
        == [query[name] for name in ("sha", "environment", "task")]
    ]


def deployed(forge: Forge, body: Any, task: str, *states: str) -> Deployed:
    forge.next_id += 1
    forge.deployments.append(Deployed(forge.next_id, body["sha"], body["environment"], task, list(states)))
    return forge.deployments[-1]


def hub_deploy(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if body["auto_merge"] or body["required_contexts"] != []:
        return 409, {"message": "Conflict: Commit status checks failed"}
    return 201, {"id": deployed(forge, {**body, "sha": body["ref"]}, body["task"]).id}


def hub_deployment_status(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """What succeeds makes all others of its environment inactive."""
    found = next(one for one in forge.deployments if str(one.id) == match[1])
    if len(body["description"]) > 140:
        return 422, {"message": "Validation Failed"}
    for one in forge.deployments if body["state"] == "success" else ():
        if one is not found and one.environment == found.environment and one.states[-1:] == ["success"]:
            one.states.append("inactive")
    found.states.append(body["state"])
    return 201, {"id": 1, "state": body["state"]}


def hub_test(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    hook = next((one for one in forge.hooks if str(one.id) == match[1]), None)
    if hook is None:
        return 404, {"message": "Not Found"}
    forge.deliver(hook)
    return 204, None


def hub(name: str) -> list[tuple[str, str, Handler]]:
    repo = f"/repos/{name}"
    notes = rf"{repo}/issues/(\d+)/comments"
    return [
        ("GET", "/user", lambda f, m, q, b: (200, {"login": USER})),
        ("GET", rf"{repo}/pulls/(\d+)", hub_pull),
        ("GET", rf"{repo}/pulls/(\d+)/reviews", hub_reviews),
        ("GET", rf"{repo}/issues/(\d+)/(?:events|timeline)", hub_events),
        ("GET", rf"{repo}/commits/([0-9a-f]{{40}})/pulls?", hub_brought),
        ("POST", rf"{repo}/statuses/([0-9a-f]{{40}})", hub_status),
        ("GET", notes, lambda f, m, q, b: (200, [hub_note(n) for n in page_of(f, int(m[1]), q)])),
        ("POST", notes, hub_add),
        ("PATCH", rf"{repo}/issues/comments/(\d+)", hub_edit),
        ("POST", r"/app/installations/(\d+)/access_tokens", hub_tokens),
        ("GET", rf"{repo}/commits/([0-9a-f]{{40}})/check-runs", hub_runs),
        ("POST", rf"{repo}/check-runs", hub_run),
        ("GET", rf"{repo}/deployments", hub_deployments),
        ("POST", rf"{repo}/deployments", hub_deploy),
        ("POST", rf"{repo}/deployments/(\d+)/statuses", hub_deployment_status),
        ("GET", rf"{repo}/hooks", lambda f, m, q, b: (200, [hub_hook(h) for h in f.hooks])),
        ("POST", rf"{repo}/hooks", hub_save),
        ("PATCH", rf"{repo}/hooks/(\d+)", hub_save),
        ("POST", rf"{repo}/hooks/(\d+)/tests", hub_test),
        ("GET", rf"{repo}/hooks/(\d+)/deliveries", hub_attempts),
        ("POST", rf"{repo}/hooks/(\d+)/deliveries/(\d+)/attempts", again),
    ]  # fmt: skip


# GitLab.

LAB_STATES = {"pending": "pending", "success": "success", "failed": "failure"}


def lab_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "author": {"username": note.author}, "body": note.body}


def lab_pull(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = forge.pulls.get(int(match[1]))
    if found is None:
        return 404, {"message": "404 Not found"}
    return 200, {
        "iid": int(match[1]),
        "author": {"username": found.author},
        "state": "opened" if found.open else "merged" if found.merged else "closed",
        "sha": found.head,
        "source_branch": found.source,
        "target_branch": found.target,
        "source_project_id": 1 if found.inside else 2,
        "target_project_id": 1,
        "merge_commit_sha": found.merged or None,
        "squash_commit_sha": None,
    }


def heads_of(pull: Pull) -> list[str]:
    return [*pull.history, pull.head]


def minute(number: int) -> str:
    return f"2026-11-24T08:{number:02}:00.000Z"


def lab_versions(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """The newest first."""
    found = [
        {"id": n, "head_commit_sha": head, "created_at": minute(2 * n)}
        for n, head in enumerate(heads_of(forge.pulls[int(match[1])]))
    ]
    return 200, found[::-1][: int(query["per_page"][0])]


def lab_approvals(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    pull = forge.pulls[int(match[1])]
    approved = [
        {"user": {"username": one.account}, "approved_at": minute(2 * heads_of(pull).index(one.commit) + 1)}
        for one in pull.reviews
        if one.state == "approved"
    ]
    return 200, {"iid": int(match[1]), "approved_by": approved}


def lab_status(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if body["state"] not in LAB_STATES or len(body["description"]) > 255:
        return 400, {"message": "state is invalid"}
    if not forge.set_status(match[1], body["name"], LAB_STATES[body["state"]], body["description"]):
        forge.told.pop()
        return 400, {"message": "Cannot transition status via :enqueue from :pending (Reason: …)"}
    return 201, {"status": body["state"]}


def lab_edit(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    note = find(forge, match[2])
    if note is None or note.author != USER:
        return 403, {"message": "403 Forbidden"}
    note.body = body["body"]
    return 200, lab_note(note)


def lab_deployments(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """The newest first."""
    found = [
        {"id": one.id, "sha": one.sha, "status": one.states[-1]}
        for one in forge.deployments
        if one.environment == query["environment"][0]
    ]
    return 200, found[::-1]


def lab_deploy(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if body["status"] not in ("running", "success", "failed", "canceled") or not body["ref"]:
        return 400, {"message": "status does not have a valid value"}
    return 201, {"id": deployed(forge, body, "", body["status"]).id}


def lab_redeploy(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = next(one for one in forge.deployments if str(one.id) == match[1])
    if found.states[-1] == body["status"]:
        return 400, {"message": {"status": ["cannot transition"]}}
    found.states.append(body["status"])
    return 200, {"id": found.id}


def lab_hook(hook: HookSet) -> dict[str, Any]:
    return {"id": hook.id, "url": hook.url, "push_events": True, "alert_status": hook.alert}


def lab_save(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    id = match[1] if match.re.groups else ""
    secret = body.get("signing_token") or body.get("token") or ""
    return 201, lab_hook(forge.save_hook(id, body["url"], secret))


def lab(name: str) -> list[tuple[str, str, Handler]]:
    repo = f"/projects/{re.escape(name)}"
    notes = rf"{repo}/merge_requests/(\d+)/notes"
    return [
        ("GET", "/user", lambda f, m, q, b: (200, {"username": USER})),
        ("GET", rf"{repo}/merge_requests/(\d+)", lab_pull),
        ("GET", rf"{repo}/merge_requests/(\d+)/versions", lab_versions),
        ("GET", rf"{repo}/merge_requests/(\d+)/approvals", lab_approvals),
        (
            "GET",
            rf"{repo}/repository/commits/([0-9a-f]{{40}})/merge_requests",
            lambda f, m, q, b: (200, [{"iid": n} for n in of_commit(f, m[1])]),
        ),
        ("POST", rf"{repo}/statuses/([0-9a-f]{{40}})", lab_status),
        ("GET", notes, lambda f, m, q, b: (200, [lab_note(n) for n in page_of(f, int(m[1]), q)])),
        ("POST", notes, lambda f, m, q, b: (201, lab_note(f.write_note(int(m[1]), USER, b["body"])))),
        ("PUT", rf"{notes}/(\d+)", lab_edit),
        ("GET", rf"{repo}/deployments", lab_deployments),
        ("POST", rf"{repo}/deployments", lab_deploy),
        ("PUT", rf"{repo}/deployments/(\d+)", lab_redeploy),
        ("GET", rf"{repo}/hooks", lambda f, m, q, b: (200, [lab_hook(h) for h in f.hooks])),
        ("POST", rf"{repo}/hooks", lab_save),
        ("PUT", rf"{repo}/hooks/(\d+)", lab_save),
        ("POST", rf"{repo}/hooks/(\d+)/test/push_events", hub_test),
        ("GET", rf"{repo}/hooks/(\d+)/events", lab_attempts),
        ("POST", rf"{repo}/hooks/(\d+)/events/(\d+)/resend", again),
    ]


# Bitbucket Cloud.

CLOUD_STATES = {"INPROGRESS": "pending", "SUCCESSFUL": "success", "FAILED": "failure"}


def cloud_note(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "user": {"account_id": f"id-of-{note.author}"},
        "content": {"raw": note.body},
        "deleted": False,
    }


def cloud_pull(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = forge.pulls.get(int(match[1]))
    if found is None:
        return 404, {"type": "error"}
    other = forge.repository if found.inside else "other/fork"
    return 200, {
        "id": int(match[1]),
        "author": {"account_id": found.author},
        "state": "OPEN" if found.open else "MERGED" if found.merged else "DECLINED",
        "source": {
            "commit": {"hash": found.head[:12]},
            "branch": {"name": found.source},
            "repository": {"full_name": other},
        },
        "destination": {"branch": {"name": found.target}, "repository": {"full_name": forge.repository}},
        "merge_commit": {"hash": found.merged[:12]} if found.merged else None,
        "participants": [
            {"user": {"account_id": one.account}, "approved": one.state == "approved"}
            for one in found.reviews
        ],
    }


def cloud_activity(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    """The newest first."""
    pull = forge.pulls[int(match[1])]
    found: list[Any] = []
    for head in heads_of(pull):
        update = {"source": {"commit": {"hash": head[:12]}}}
        first = "other" if pull.retargeted else pull.target
        found.append({"update": {**update, "destination": {"branch": {"name": first}}}})
        given = [one for one in pull.reviews if one.commit == head and one.state != "changes"]
        approvals = [{"approval": {"user": {"account_id": one.account}}} for one in given]
        late = [bool(pull.retargeted and one.account == "Late") for one in given]
        found += [one for one, after in zip(approvals, late, strict=True) if not after]
        found.append({"update": {**update, "destination": {"branch": {"name": pull.target}}}})
        found += [one for one, after in zip(approvals, late, strict=True) if after]
        found.append({"comment": {"id": 1}})
    size, page = int(query["pagelen"][0]), int(query["page"][0])
    return 200, {"values": found[::-1][(page - 1) * size : page * size]}


def cloud_status(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if len(body["key"]) > 40 or not body.get("url") or body["state"] not in CLOUD_STATES:
        return 400, {"type": "error"}
    forge.set_status(match[1], body["name"], CLOUD_STATES[body["state"]], body["description"])
    return 201, {"key": body["key"]}


def cloud_edit(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    note = find(forge, match[2])
    if note is None or note.author != USER:
        return 403, {"type": "error"}
    note.body = body["content"]["raw"]
    return 200, cloud_note(note)


def cloud_add(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if len(body["content"]["raw"]) > 32_768:
        return 400, {"type": "error"}
    return 201, cloud_note(forge.write_note(int(match[1]), USER, body["content"]["raw"]))


def cloud_hook(hook: HookSet) -> dict[str, Any]:
    return {"uuid": f"{{{hook.id}}}", "url": hook.url}


def cloud_save(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    id = match[1] if match.re.groups else ""
    return 201, cloud_hook(forge.save_hook(id, body["url"], body["secret"]))


def cloud(name: str) -> list[tuple[str, str, Handler]]:
    repo = f"/repositories/{name}"
    notes = rf"{repo}/pullrequests/(\d+)/comments"
    return [
        ("GET", "/user", lambda f, m, q, b: (200, {"account_id": f"id-of-{USER}"})),
        ("GET", rf"{repo}/pullrequests/(\d+)", cloud_pull),
        ("PUT", rf"{repo}/commit/([0-9a-f]{{40}})/reports/([0-9a-f]{{40}})", cloud_report),
        ("DELETE", rf"{repo}/commit/([0-9a-f]{{40}})/reports/([0-9a-f]{{40}})", cloud_forget),
        ("POST", rf"{repo}/commit/([0-9a-f]{{40}})/reports/([0-9a-f]{{40}})/annotations", cloud_lines),
        ("GET", rf"{repo}/pullrequests/(\d+)/activity", cloud_activity),
        (
            "GET",
            rf"{repo}/commit/([0-9a-f]{{40}})/pullrequests",
            lambda f, m, q, b: (200, {"values": [{"id": n} for n in of_commit(f, m[1])]}),
        ),
        ("POST", rf"{repo}/commit/([0-9a-f]{{40}})/statuses/build", cloud_status),
        (
            "GET",
            notes,
            lambda f, m, q, b: (200, {"values": [cloud_note(n) for n in page_of(f, int(m[1]), q)]}),
        ),
        ("POST", notes, cloud_add),
        ("PUT", rf"{notes}/(\d+)", cloud_edit),
        ("GET", rf"{repo}/hooks", lambda f, m, q, b: (200, {"values": [cloud_hook(h) for h in f.hooks]})),
        ("POST", rf"{repo}/hooks", cloud_save),
        ("PUT", rf"{repo}/hooks/{{(\d+)}}", cloud_save),
    ]


# Bitbucket Data Center.


def center_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "version": note.version, "text": note.body, "author": {"name": note.author}}


def center_pull(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    found = forge.pulls.get(int(match[1]))
    if found is None:
        return 404, {"errors": []}
    return 200, {
        "id": int(match[1]),
        "version": found.version,
        "author": {"user": {"name": found.author}},
        "state": "OPEN" if found.open else "MERGED" if found.merged else "DECLINED",
        "fromRef": {
            "id": f"refs/heads/{found.source}",
            "latestCommit": found.head,
            "repository": {"id": 1 if found.inside else 2},
        },
        "toRef": {"id": f"refs/heads/{found.target}", "repository": {"id": 1}},
        "properties": {"mergeCommit": {"id": found.merged}} if found.merged else {},
        "participants": [],
        "reviewers": [
            {
                "user": {"name": one.account},
                "status": {"approved": "APPROVED", "changes": "NEEDS_WORK"}.get(one.state, "UNAPPROVED"),
                "lastReviewedCommit": one.commit,
            }
            for one in found.reviews
        ],
    }


def center_status(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    if not body.get("url") or body["state"] not in CLOUD_STATES:
        return 400, {"errors": []}
    forge.set_status(match[1], body["key"], CLOUD_STATES[body["state"]], body["description"])
    return 204, None


def center_edit(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    note = find(forge, match[2])
    if note is None or note.author != USER:
        return 401, {"errors": []}
    if body["version"] != note.version:
        return 409, {
            "errors": [{"message": "You are attempting to modify a comment based on out-of-date information"}]
        }
    note.body, note.version = body["text"], note.version + 1
    return 200, center_note(note)


def center_activities(forge: Forge, match: re.Match[str], query: dict[str, list[str]], body: Any) -> Answer:
    found = [{"action": "COMMENTED", "comment": center_note(n)} for n in page_of(forge, int(match[1]), query)]
    return 200, {"values": [*found, {"action": "OPENED"}] if found else []}


def center_save(forge: Forge, match: re.Match[str], query: Any, body: Any) -> Answer:
    id = match[1] if match.re.groups else ""
    return 201, lab_hook(forge.save_hook(id, body["url"], body["configuration"]["secret"]))


def center(name: str) -> list[tuple[str, str, Handler]]:
    key, _, slug = name.rpartition("/")
    repo = f"/projects/{key.upper()}/repos/{slug}"
    notes = rf"{repo}/pull-requests/(\d+)/comments"
    reports = rf"/rest/insights/latest{repo}/commits/([0-9a-f]{{40}})/reports/(sentinel-[0-9a-f]{{40}})"
    return [
        ("GET", rf"{repo}/pull-requests/(\d+)", center_pull),
        (
            "GET",
            rf"{repo}/commits/([0-9a-f]{{40}})/pull-requests",
            lambda f, m, q, b: (200, {"values": [{"id": n} for n in of_commit(f, m[1])]}),
        ),
        ("POST", rf"{repo}/commits/([0-9a-f]{{40}})/builds", center_status),
        ("PUT", reports, cloud_report),
        ("DELETE", rf"{reports}/annotations", center_forget),
        ("POST", rf"{reports}/annotations", cloud_lines),
        ("GET", rf"{repo}/pull-requests/(\d+)/activities", center_activities),
        ("GET", rf"{notes}/(\d+)", lambda f, m, q, b: (200, center_note(find(f, m[2]) or Note(0, "", "")))),
        ("POST", notes, lambda f, m, q, b: (201, center_note(f.write_note(int(m[1]), USER, b["text"])))),
        ("PUT", rf"{notes}/(\d+)", center_edit),
        ("GET", rf"{repo}/webhooks", lambda f, m, q, b: (200, {"values": [lab_hook(h) for h in f.hooks]})),
        ("POST", rf"{repo}/webhooks", center_save),
        ("PUT", rf"{repo}/webhooks/(\d+)", center_save),
    ]


ROUTES = {
    "github": hub,
    "gitea": hub,
    "forgejo": hub,
    "gitlab": lab,
    "bitbucket": cloud,
    "bitbucket-data-center": center,
}


@contextmanager
def serving_api(kind: str, repository: str) -> Iterator[tuple[Forge, str]]:
    """The forge, and the address of its API."""
    forge = Forge(kind, repository)
    routes = [*ROUTES[kind](repository), *PROPOSING[kind](repository)]

    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            return

        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with forge.lock:
                forge.requests.append((self.command, parts.path))
                fault = next((one for one in forge.faults if self.command in one.methods), None)
                if fault is not None:
                    forge.faults.remove(fault)
                if fault is not None and not fault.lost:
                    self.answer(fault.status, fault.body.encode(), fault.headers)
                    return
                path = unquote(parts.path).removeprefix("/rest/api/latest")
                status, document = self.look(path, parse_qs(parts.query), raw)
            if fault is not None:
                self.close_connection = True
                return
            self.answer(status, b"" if document is None else json.dumps(document).encode(), {})

        def look(self, path: str, query: dict[str, list[str]], raw: bytes) -> Answer:
            if not forge.authentic(self.headers):
                return 401, {"message": "Bad credentials"}
            for method, pattern, handler in routes:
                match = re.fullmatch(pattern, path)
                if method == self.command and match:
                    return handler(forge, match, query, json.loads(raw) if raw else {})
            return 404, {"message": "Not Found"}

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**forge.always, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        base = "/rest/api/latest" if kind == "bitbucket-data-center" else ""
        yield forge, f"http://127.0.0.1:{server.server_address[1]}{base}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
