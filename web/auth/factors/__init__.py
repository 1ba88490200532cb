"""The second factors, one file each: whoever was recognised passes those that are wanted of them, in this order.

A factor says whether somebody has something, and nothing else. Forbidden here: who somebody is, roles, sessions,
cookies.
"""

from __future__ import annotations

from web.auth.factors.factor import Factor

FACTORS: tuple[Factor, ...] = ()
