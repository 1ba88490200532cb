"""Certificates as pages, notices and metrics tell of them."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from reconciler.clock import iso
from reconciler.db.models import Bundle, Pointer
from reconciler.db.session import writing
from tests.unit.pages.sample_project import NOW, certificates, digest
from web.pages.certificates import notices, rows, samples

PAGE = "/o/acme/p/shop/certificates"


def pointer(environment: str, cohort: str, number: int) -> Pointer:
    return Pointer(environment=environment, cohort=cohort, digest=digest(number))


def bundle(
    number: int, *, ends: timedelta, begins: timedelta = timedelta(days=-5), version: int = 1
) -> Bundle:
    one = {
        **certificates(1)[0],
        "begins": iso(NOW + begins),
        "expires": iso(NOW + ends),
        "sha256": f"{number:064d}",
        "version": version,
    }
    return Bundle(digest=digest(number), certificates={"dev": [one], "production": [one]})


def test_one_row_for_each_certificate_whatever_has_it(client: FlaskClient) -> None:
    text = client.get(PAGE).text
    names = re.findall(r'<th role="rowheader" scope="row">([a-z]+)</th>', text)
    # The edge's is the same everywhere and ends first; the shop's was renewed, and has not come to production.
    assert names == ["edge", "shop", "shop"]
    assert "Acme Internal CA 2" in text
    assert "shop-key v2" in text
    assert "shop-key v3" in text
    assert "listener public" in text


def test_places_name_cohorts_other_than_the_first() -> None:
    found = rows(
        [pointer("dev", "base", 1), pointer("production", "base", 1), pointer("production", "next", 2)],
        {
            digest(1): bundle(1, ends=timedelta(days=40)),
            digest(2): bundle(2, ends=timedelta(days=99), version=2),
        },
        now=NOW,
    )
    assert [(row.places, row.versions) for row in found] == [
        ((("dev", ()), ("production", ())), (1,)),
        ((("production", ("next",)),), (2,)),
    ]


def test_states_follow_from_the_moment() -> None:
    for ends, begins, state, left in (
        (timedelta(days=21, seconds=1), timedelta(-1), "holds", "21 days"),
        (timedelta(days=21), timedelta(-1), "soon", "21 days"),
        (timedelta(days=1), timedelta(-1), "soon", "1 day"),
        (timedelta(seconds=1), timedelta(-1), "soon", "less than a day"),
        (timedelta(0), timedelta(-1), "ended", "ended less than a day ago"),
        (timedelta(days=-1, seconds=-1), timedelta(-9), "ended", "ended 1 day ago"),
        (timedelta(days=99), timedelta(seconds=1), "early", "99 days"),
    ):
        known = {digest(1): bundle(1, ends=ends, begins=begins)}
        (row,) = rows([pointer("dev", "base", 1)], known, now=NOW)
        assert (row.state.key, row.left) == (state, left)
        assert len(list(notices([row]))) == (state != "holds")


def test_a_pointer_at_an_unknown_bundle_has_no_rows() -> None:
    assert rows([pointer("dev", "base", 7)], {}, now=NOW) == []


def test_the_earliest_end_is_the_sample() -> None:
    known = {digest(1): bundle(1, ends=timedelta(days=40)), digest(2): bundle(2, ends=timedelta(days=99))}
    found = rows([pointer("dev", "base", 1), pointer("dev", "next", 2)], known, now=NOW)
    assert list(samples(found)) == [("dev", "edge", int((NOW + timedelta(days=40)).timestamp()))]


def test_what_ends_soon_needs_attention(client: FlaskClient) -> None:
    text = client.get("/o/acme/p/shop/").text
    assert "The certificate edge ends in 9 days in dev, staging, production" in text
    assert f'href="{PAGE}"' in text
    assert "The certificate shop" not in text


def test_metrics_tell_when_each_ends(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    labels = 'organization="acme",project="shop",environment="production",certificate="edge"'
    ends = int((NOW + timedelta(days=9, hours=3)).timestamp())
    assert f"sentinel_certificate_not_after_seconds{{{labels}}} {ends}" in text


def test_without_any_the_page_says_how_to_add_one(app: Flask) -> None:
    with writing():
        Bundle.update(certificates={}).execute()
    text = app.test_client().get(PAGE).text
    assert "sentinelctl certificate add" in text
    assert "The certificate" not in app.test_client().get("/o/acme/p/shop/").text
