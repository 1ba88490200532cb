"""The post-receive hook of the embedded git server: tells a URL about a push, in the form of GitHub's `push` webhook.

Run as a script without site-packages, so that it starts at once: standard library only. It prints one line a delivery,
which the person who pushes sees, always exits 0, and never waits long.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
MAX_COMMITS = 20
"""GitHub lists more; a webhook only nudges, and the commits are read from git anyway."""

MAX_REFS = 50
ZERO = "0" * 40


def git(*arguments: str) -> str:
    """Output of one git command in the repository of the hook, empty when it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, errors="replace")
    return done.stdout.strip() if done.returncode == 0 else ""


def push_event(before: str, after: str, ref: str) -> dict[str, object]:
    """The JSON document of one changed reference."""
    clone_url, full_name = git("config", "sentinel.cloneurl"), git("config", "sentinel.fullname")
    commits = _commits(before, after)
    pusher = os.environ.get("REMOTE_USER") or "anonymous"
    changed = ZERO not in (before, after)
    ancestor = subprocess.run(
        ["git", "merge-base", "--is-ancestor", before, after], capture_output=True, check=False
    )
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": changed and ancestor.returncode != 0,
        "base_ref": None,
        "compare": f"{clone_url}#{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "repository": {
            "id": int(hashlib.sha256(clone_url.encode()).hexdigest()[:8], 16),
            "name": full_name.rpartition("/")[2],
            "full_name": full_name,
            "private": False,
            "clone_url": clone_url,
            "html_url": clone_url,
            "default_branch": git("symbolic-ref", "--short", "HEAD"),
        },
        "pusher": {"name": pusher, "email": None},
        "sender": {"login": pusher, "type": "User"},
    }


def _commits(before: str, after: str) -> list[dict[str, object]]:
    """The new commits, oldest first."""
    if after == ZERO:
        return []
    span = [after] if before == ZERO else [after, f"^{before}"]
    log = git("log", f"-{MAX_COMMITS}", "--format=%H%x1f%T%x1f%an%x1f%ae%x1f%cI%x1f%B%x1e", *span)
    commits = []
    for record in log.split("\x1e"):
        fields = record.strip("\n").split("\x1f")
        if len(fields) == 6:
            sha, tree, name, email, moment, message = fields
            author = {"name": name, "email": email}
            commits.append(
                {
                    "id": sha,
                    "tree_id": tree,
                    "distinct": True,
                    "message": message.strip("\n"),
                    "timestamp": moment,
                    "author": author,
                    "committer": author,
                }
            )
    return commits[::-1]


def deliver(url: str, secret: bytes, document: dict[str, object]) -> str:
    """Send one signed event and return the delivery as a line for a person. Never raises for what the network does."""
    body = json.dumps(document, separators=(",", ":")).encode()
    delivery = str(uuid.uuid4())
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sentinel-embedded",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
    }
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.request("POST", parts.path or "/", body, headers)
        outcome = f"answered {connection.getresponse().status}"
    except (OSError, http.client.HTTPException) as error:
        outcome = f"did not answer ({type(error).__name__}); the next sweep finds the push"
    finally:
        connection.close()
    return f"webhook for {document['ref']}: {outcome}"


def run(lines: list[str]) -> None:
    """Deliver one event for each `before after ref` line that git gave us."""
    url, secret_file = git("config", "sentinel.webhookurl"), git("config", "sentinel.secretfile")
    if not url or not secret_file:
        return
    secret = Path(secret_file).read_bytes().strip()
    for line in lines[:MAX_REFS]:
        before, after, ref = line.split(" ", 2)
        sys.stdout.write(deliver(url, secret, push_event(before, after, ref)) + "\n")


if __name__ == "__main__":
    try:
        run(sys.stdin.read().splitlines())
    except (OSError, ValueError) as trouble:
        # Also a missing secret: the push stands, and the sweep finds it.
        sys.stdout.write(f"no webhook was sent ({type(trouble).__name__})\n")
