"""Form tokens: a change that a cookie allows has to come from a form of ours. Flask-WTF makes and checks them.

Their secret is in the database, the same for all processes, and is read when the first form is shown.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response, current_app
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from reconciler.db.signing_in import shared_secret
from reconciler.settings import Settings
from web.auth.cookies import secure

HOURS = 12
"""How long a form may stand open."""


class FormCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, which holds the form token and, for minutes, a sign-in that is under way; read and written
    only where there is one."""

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-sentinel-form" if app.config["SESSION_COOKIE_SECURE"] else "sentinel-form"

    def open_session(self, app: Flask, request: Request) -> Any:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        load_secret(app)
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified:
            super().save_session(app, session, response)


def install(app: Flask, settings: Settings) -> None:
    """Prepare form tokens for the app. The gate calls `protect`."""
    app.session_interface = FormCookie()
    app.config.update(
        SESSION_COOKIE_SECURE=secure(settings),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=HOURS * 3600,
        # Our pages send no referrer; where a request comes from is told by Sec-Fetch-Site.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.extensions["sentinel.csrf"] = CSRFProtect(app)
    app.context_processor(lambda: {"csrf_token": form_token})


def form_token() -> str:
    """The token for a form on the page that is being rendered."""
    load_secret()
    token: str = generate_csrf()
    return token


def from_our_form() -> bool:
    """Whether the request carries the token of a form of ours, or of `X-CSRFToken`."""
    load_secret()
    guard: CSRFProtect = current_app.extensions["sentinel.csrf"]
    try:
        guard.protect()
    except CSRFError:
        return False
    return True


def load_secret(app: Flask | None = None) -> None:
    """Have what Flask signs cookies with, before the first of them is written or read."""
    app = app or current_app
    if app.secret_key is None:
        app.secret_key = shared_secret("forms")
