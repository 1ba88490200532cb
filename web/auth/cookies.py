"""The cookie that carries a session's token, and no more than that."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, Response

from reconciler.db.signing_in import LONGEST
from reconciler.settings import Settings

LONGEST_TOKEN = 64


def secure(settings: Settings) -> bool:
    """Whether cookies go over https alone. Only for pages on one's own machine they do not."""
    return urlsplit(settings.pages_public_url).scheme == "https"


def _name(settings: Settings) -> str:
    # A browser takes the prefix only from the host itself, over https, for all paths: no neighbour can set it.
    return "__Host-sentinel" if secure(settings) else "sentinel-session"


def session_token(request: Request, settings: Settings) -> str:
    """The token that a request carries, or an empty string."""
    token = request.cookies.get(_name(settings), "")
    return token if len(token) <= LONGEST_TOKEN else ""


def put_token(response: Response, token: str, settings: Settings) -> None:
    """Have the browser keep a token."""
    response.set_cookie(
        _name(settings),
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=secure(settings),
        httponly=True,
        samesite="Lax",
    )


def drop_token(response: Response, settings: Settings) -> None:
    """Have the browser forget the token."""
    response.delete_cookie(_name(settings), path="/", secure=secure(settings), httponly=True, samesite="Lax")
