"""What every template can use, and how a page or one fragment of it is rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, current_app, g, render_template, request, url_for
from markupsafe import Markup

from reconciler.clock import iso
from web.auth import gate
from web.auth.authorise import Place
from web.pages import entrance, forge_links, words
from web.pages.navigation import GROUPS
from web.pages.scope import Scope
from web.pages.stamps import encode, stamps
from web.pages.times import absolute, moment, relative, short_digest, short_sha, size, span

STATIC = Path(__file__).parent / "static"


def now() -> datetime:
    """The moment of this request: one for everything on a page."""
    if "now" not in g:
        g.now = current_app.extensions["sentinel.now"]()
    moment: datetime = g.now
    return moment


def stamp(scope: Scope) -> str:
    """What the page shows, as the feed names it. Taken before the rows are read, so nothing is missed."""
    return encode(stamps(scope))


def page(template: str, *fragments: str, **context: Any) -> str:
    """Render a page, or with `?fragment=<name>` only that part of it. An unknown fragment is a 404."""
    wanted = request.args.get("fragment")
    if wanted is None:
        return render_template(template, **context)
    if wanted not in fragments:
        abort(404)
    return render_template(f"fragments/{wanted}.html", **context)


def when(moment: datetime | None, missing: str = "never") -> Markup:
    """A `<time>` element: the moment in UTC, and how long ago that is."""
    if moment is None:
        return Markup('<span class="never">{}</span>').format(missing)
    return Markup('<time datetime="{}" title="{} UTC">{} <span class="rel" data-rel>{}</span></time>').format(
        iso(moment), iso(moment), absolute(moment, now=now()), relative(moment, now=now())
    )


def ago(moment: datetime | None, missing: str = "never") -> Markup:
    """A `<time>` element that shows how long ago, with the moment in UTC on hover."""
    if moment is None:
        return Markup('<span class="never">{}</span>').format(missing)
    return Markup('<time datetime="{}" title="{} UTC" data-rel>{}</time>').format(
        iso(moment), absolute(moment, now=now()), relative(moment, now=now())
    )


def icon(name: str) -> Markup:
    """One of our symbols, hidden from screen readers because a word stands beside it."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


def _sees_audit(organization: str | None = None) -> bool:
    """Whether the audit log of this page's place, or of an organization, is there for who looks."""
    return gate.may("audit:read", Place(organization) if organization is not None else g.get("place"))


def query(chosen: Mapping[str, str | None], **more: object) -> str:
    """The query of a link that keeps what is chosen, and adds to it."""
    return urlencode({name: value for name, value in {**chosen, **more}.items() if value})


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a static file, with its content's hash so that browsers may keep it."""
    return url_for("static", filename=name, v=_fingerprint(name))


def install(app: Flask) -> None:
    """Give the templates their functions, filters and tables."""
    app.url_defaults(entrance.stay)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        short=short_digest, sha=short_sha, size=size, span=span, iso=iso, when=when, ago=ago, moment=moment
    )
    app.jinja_env.globals.update(icon=icon, asset=asset, words=words, now=now, state_of=words.state_of)
    app.context_processor(lambda: {"entry": g.get("entry"), "caller": gate.caller()})
    app.jinja_env.globals.update(query=query, sees_audit=_sees_audit, groups=GROUPS, forge=forge_links)

    def mark(response: Any) -> Any:
        if request.endpoint == "static" and "v" in request.args:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if "now" in g:
            response.headers["X-Page-Read-At"] = iso(now())
        return response

    # Functions run in reverse order of registration, so this one comes before the door's default.
    app.after_request(mark)
