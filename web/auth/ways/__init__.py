"""The ways to sign in, one file each: `WAYS` is what the sign-in page offers, in this order.

A way says who somebody is and nothing else, by a form of ours or by another site. What comes after it (the factors of
`web.auth.factors` and the session) is the same for all ways. Forbidden here: roles, sessions, cookies.
"""

from __future__ import annotations

from web.auth.ways import password
from web.auth.ways.way import Way

WAYS: tuple[Way, ...] = (password.WAY,)
