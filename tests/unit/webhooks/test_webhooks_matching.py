"""Which projects a push concerns, and what it asks for."""

from __future__ import annotations

import dataclasses

import pytest

from reconciler.config.addresses import place
from reconciler.config.installation import Project
from webhooks.matching import concerned, matters
from webhooks.receivers.delivery import Move, Repository


def project(slug: str, repository: str, prefix: str = "") -> Project:
    return Project(slug, "acme", slug, repository, "", prefix, "main", "origin")


SHOP = project("shop", "https://github.com/acme/shop.git")
BLOG = project("blog", "git@github.com:acme/mono.git", "blog/")
WIKI = project("wiki", "https://bot@github.com/acme/mono", "wiki/")
ALL = (SHOP, BLOG, WIKI)


def known(*addresses: str, full_name: str = "") -> Repository:
    return Repository(addresses, full_name)


@pytest.mark.parametrize(
    ("delivered", "slugs"),
    [
        pytest.param(known("https://github.com/acme/shop.git"), ["shop"], id="the same URL"),
        pytest.param(known("git@github.com:acme/shop.git"), ["shop"], id="ssh for https"),
        pytest.param(
            known("https://github.com/acme/mono"), ["blog", "wiki"], id="two projects of one repository"
        ),
        pytest.param(known("https://GitHub.com/acme/shop/"), ["shop"], id="host in another case"),
        pytest.param(known("https://elsewhere/x", full_name="acme/shop"), ["shop"], id="the path alone"),
        pytest.param(known("https://elsewhere/x", full_name="shop"), ["shop"], id="the name alone"),
        pytest.param(
            known("https://elsewhere/x", full_name="acme/none"), ["shop", "blog", "wiki"], id="unknown"
        ),
        pytest.param(known(full_name="op"), ["shop", "blog", "wiki"], id="the end of a name is no name"),
        pytest.param(known(full_name="/"), ["shop", "blog", "wiki"], id="no name at all"),
        pytest.param(known(), ["shop", "blog", "wiki"], id="nothing told"),
    ],
)
def test_projects_concerned(delivered: Repository, slugs: list[str]) -> None:
    assert [found.slug for found in concerned(ALL, delivered)] == slugs


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("http://127.0.0.1:8003/shop.git", "127.0.0.1:8003/shop"),
        ("ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("https://user:pw@host/a/b.git/", "host/a/b.git".removesuffix(".git")),
        ("https://host", ""),
        ("acme/shop", ""),
        ("http://[bad", ""),
        ("http://host:99999/x", ""),
        ("", ""),
    ],
)
def test_places(address: str, wanted: str) -> None:
    assert place(address) == wanted


@pytest.mark.parametrize(
    ("refs", "wanted"),
    [
        pytest.param([], True, id="nothing named"),
        pytest.param(["refs/heads/main"], True, id="trunk"),
        pytest.param(["refs/heads/blog/env/dev"], True, id="an environment"),
        pytest.param(["refs/heads/env/dev"], False, id="an environment of another prefix"),
        pytest.param(["refs/heads/topic"], False, id="somebody's branch"),
        pytest.param(["refs/tags/main"], False, id="a tag"),
        pytest.param(["refs/heads/topic", "refs/heads/main"], True, id="two"),
    ],
)
def test_what_matters_to_a_project(refs: list[str], wanted: bool) -> None:
    assert matters(BLOG, [Move(ref) for ref in refs]) is wanted


def test_a_tag_matters_where_the_project_says_so() -> None:
    assert matters(dataclasses.replace(BLOG, tags=True), [Move("refs/tags/v1")])
