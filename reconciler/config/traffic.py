"""Blocks that services and middlewares share: header changes, rate limits, caching, redirects; and their checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.network import HOST, METHOD, PATH
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, flag, scalar, values
from reconciler.config.sizes import Size
from reconciler.config.values import Choice, Integer, Pattern, Text

FOLDER = Pattern(
    name="folder",
    pattern=r"/(?:[A-Za-z0-9._-]+/)*[A-Za-z0-9._-]+",
    expected="an absolute path on the node, such as '/srv/www'",
    hint="write it from the root; a relative one would hang on where the proxy was started",
    maximum=500,
    check=lambda path: _no_steps_up(path),
)
FILE_NAME = Pattern(
    name="file name",
    pattern=r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*",
    expected="a file below the folder, such as 'index.html'",
    hint="write it relative to the folder, without a '/' in front",
    maximum=255,
    check=lambda path: _no_steps_up(path),
)


def _no_steps_up(path: str) -> Problem | None:
    if ".." not in path.split("/") and "." not in path.split("/"):
        return None
    return Problem(
        "E-VAL-004", "the path has '.' or '..' in it", "a path without them", "write out where it leads"
    )


def header_changes(name: str, doc: str) -> Field:
    """A block that sets, adds, renames and removes headers."""

    def change(verb: str, text: str, example: str, value: str, kind: Pattern) -> Field:
        return Field(
            verb,
            text,
            example,
            arguments=(Slot("name", HEADER_NAME, "the header"), Slot("value", kind, value)),
            repeatable=True,
        )

    return block(
        name,
        doc,
        (
            change(
                "rename",
                "Gives a header another name.",
                'rename "X-Old" "X-New"',
                "its new name",
                HEADER_NAME,
            ),
            change(
                "set",
                "Sets a header, in place of what it was.",
                'set "X-Served-By" "edge"',
                "its value",
                HEADER_VALUE,
            ),
            change(
                "add", "Adds a value to a header.", 'add "Vary" "Accept-Encoding"', "its value", HEADER_VALUE
            ),
            values("remove", HEADER_NAME, "Removes headers.", 'remove "Server" "X-Powered-By"'),
        ),
        example=f'{name} {{\n    set "X-Served-By" "edge"\n    remove "X-Internal"\n}}',
    )


def header_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """What is wrong with the changes that stand at a path: a header changed twice, or changed and removed."""
    for verb in ("rename", "set", "add"):
        seen: dict[str, str] = {}
        for item in data.get(verb, ()):
            other = seen.setdefault(item["name"].lower(), item["name"])
            if other != item["name"]:
                problem = Problem(
                    "E-VAL-008",
                    f"'{item['name']}' and '{other}' are the same header",
                    "each header once",
                    "remove one of the two; capitals mean nothing in header names",
                )
                yield Complaint((*path, verb), problem, item["name"])
    removed = {header.lower(): header for header in data.get("remove", ())}
    for verb in ("set", "add"):
        for item in data.get(verb, ()):
            if item["name"].lower() in removed:
                problem = Problem(
                    "E-VAL-009",
                    f"the header '{item['name']}' is changed and removed",
                    "one of the two",
                    "remove one of the two lines; the proxy removes last",
                )
                yield Complaint((*path, "remove"), problem, removed[item["name"].lower()])


TIMEOUTS = block(
    "timeouts",
    "How long the proxy waits, in place of the upstream's own timeouts.",
    (
        scalar("connect", Duration("1s", "10m"), "For a connection to a target.", 'connect "2s"'),
        scalar("response", Duration("1s", "1h"), "For a target's response.", 'response "15s"'),
    ),
    example='timeouts {\n    response "15s"\n}',
)

RATE_LIMIT = block(
    "rate-limit",
    "A limit of requests. Each proxy counts for itself. A changed limit restarts the proxy.",
    (
        scalar(
            "requests-per-second",
            Integer(1, 1_000_000),
            "How many requests pass in each second.",
            "requests-per-second 100",
            required=True,
        ),
        scalar(
            "by",
            Choice(
                ("route", "path", "client-ip", "header"),
                instead={"ip": 'write "client-ip"', "service": 'write "route"', "user": 'write "header"'},
            ),
            "What is counted together. The proxy does not honour client-ip and header (support.md).",
            'by "path"',
            default="route",
        ),
        scalar("header", HEADER_NAME, "The header that 'by \"header\"' counts by.", 'header "X-Api-Key"'),
        scalar(
            "on-limit",
            Choice(("reject", "delay", "log-only")),
            "What happens to a request beyond the limit.",
            'on-limit "reject"',
            default="reject",
        ),
        scalar("status", Integer(400, 599), "The status of a rejected request.", "status 429", default=429),
        scalar("message", Text(200), "The text of a rejected request.", 'message "Slow down"'),
        scalar(
            "max-delay",
            Duration("1s", "1m"),
            "How long a request is delayed at most, 5 s when absent.",
            'max-delay "5s"',
        ),
    ),
    example='rate-limit {\n    requests-per-second 100\n    by "path"\n}',
)


def rate_limit_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """What is wrong with a rate limit that stands at a path."""
    if ("header" in data) != (data["by"] == "header"):
        named = "header" in data
        problem = Problem(
            "E-VAL-009",
            "a header is named and not counted by" if named else "the header to count by is missing",
            'by "header" together with header "…"',
            'add by "header", or remove this line' if named else 'add header "X-Api-Key"',
        )
        yield Complaint((*path, "header" if named else "by"), problem)
    if "max-delay" in data and data["on-limit"] != "delay":
        problem = Problem(
            "E-VAL-009", "max-delay means nothing here", 'on-limit "delay"', "add it, or remove this line"
        )
        yield Complaint((*path, "max-delay"), problem)


CACHE = block(
    "cache",
    "Keeps answers in the proxy's memory. The key is the path with its query, without the host. Changing it "
    "restarts the proxy.",
    (
        scalar(
            "ttl",
            Duration("1s", "30d"),
            "How long an answer is kept when it does not say.",
            'ttl "5m"',
            default="1h",
        ),
        scalar(
            "max-size",
            Size("1KiB", "1GiB"),
            "The largest answer that is kept.",
            'max-size "1MiB"',
            default="10MiB",
        ),
        scalar(
            "stale-while-revalidate",
            Duration("0s", "7d"),
            "How long an old answer is given while a new one is fetched.",
            'stale-while-revalidate "30s"',
            default="1m",
        ),
        scalar(
            "stale-if-error",
            Duration("0s", "7d"),
            "How long an old answer is given when the target fails.",
            'stale-if-error "10m"',
            default="5m",
        ),
        values(
            "methods",
            METHOD,
            "The methods whose answers are kept; GET and HEAD when absent.",
            'methods "GET"',
        ),
        values(
            "statuses",
            Integer(200, 499),
            "The statuses that are kept; 200, 203, 204, 206, 300, 301, 308, 404 and 410 when absent.",
            "statuses 200 301",
        ),
        flag("private", "Whether answers marked private are kept as well.", "private #false", default=False),
        values(
            "exclude-extensions",
            Pattern("extension", r"[A-Za-z0-9]{1,16}", "letters and digits", "write it without a dot"),
            "Files that are not kept, by their extension.",
            'exclude-extensions "mp4"',
        ),
        values(
            "exclude-paths",
            Pattern(
                "path pattern", r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", "a path with * and ?", "begin with '/'"
            ),
            "Paths that are not kept; * and ? stand for any characters.",
            'exclude-paths "/cart/*"',
        ),
    ),
    example='cache {\n    ttl "5m"\n}',
)

REDIRECT_STATUSES = (301, 302, 303, 307, 308)

REDIRECT = block(
    "redirect",
    "Answers with a redirect. What is not named stays as it was asked for, except the query, which is dropped.",
    (
        scalar("status", Integer(301, 308), "301, 302, 303, 307 or 308.", "status 308", default=302),
        scalar("scheme", Choice(("http", "https")), "The scheme to go to.", 'scheme "https"'),
        scalar("host", HOST, "The host to go to.", 'host "www.shop.example"'),
        scalar("port", Integer(1, 65535), "The port to go to.", "port 443"),
        scalar("path", PATH, "The path to go to.", 'path "/new"'),
        scalar(
            "prefix",
            PATH,
            "What stands in place of the service's path-prefix; the rest is kept.",
            'prefix "/v2"',
        ),
    ),
    example='redirect {\n    status 308\n    scheme "https"\n}',
)


def redirect_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """What is wrong with a redirect that stands at a path."""
    if data["status"] not in REDIRECT_STATUSES:
        problem = Problem(
            "E-VAL-003", f"{data['status']} is no redirect", "301, 302, 303, 307 or 308", "write 302 or 308"
        )
        yield Complaint((*path, "status"), problem, data["status"])
    if not any(name in data for name in ("scheme", "host", "port", "path", "prefix")):
        problem = Problem(
            "E-VAL-009", "the redirect leads to where it came from", "a scheme, host, port, path or prefix",
            'add one, such as scheme "https"',
        )  # fmt: skip
        yield Complaint(path, problem)
    if data.get("host", "").startswith("*."):
        problem = Problem(
            "E-VAL-004", "a redirect leads to one host", "a host name without '*'", "write out the name"
        )
        yield Complaint((*path, "host"), problem, data["host"])
    yield from _one_path(data, path, "path", "prefix")


def _one_path(data: Mapping[str, Any], path: tuple[str, ...], one: str, other: str) -> Iterator[Complaint]:
    if one in data and other in data:
        problem = Problem(
            "E-VAL-009", f"both {one} and {other} replace the path", "one of the two", "remove one of the two"
        )
        yield Complaint((*path, other), problem)


PATH_REWRITE = block(
    "path-rewrite",
    "Changes the path, or the host, that the target is asked for. The query is kept.",
    (
        scalar("path", PATH, "The whole path.", 'path "/index"'),
        scalar(
            "prefix",
            PATH,
            "What stands in place of the service's path-prefix; the rest is kept.",
            'prefix "/"',
        ),
        scalar("host", HOST, "The host that the target is asked for.", 'host "orders.internal"'),
    ),
    example='path-rewrite {\n    prefix "/"\n}',
)


def path_rewrite_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Complaint]:
    """What is wrong with a rewrite that stands at a path."""
    yield from _one_path(data, path, "path", "prefix")
