"""Links into the forge, and when there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.pages.sample_project import SHOP
from web.pages import forge_links

SHA = "a" * 40


@pytest.mark.parametrize(
    ("forge", "repository", "address"),
    [
        ("github", "https://github.com/acme/shop.git", f"https://github.com/acme/shop/blob/{SHA}/edge/a%20b.kdl"),
        ("gitlab", "ssh://git@gitlab.acme.example:2222/edge/shop.git", f"https://gitlab.acme.example/edge/shop/-/blob/{SHA}/edge/a%20b.kdl"),
        ("forgejo", "https://git.acme.example:8443/edge/shop", f"https://git.acme.example:8443/edge/shop/src/commit/{SHA}/edge/a%20b.kdl"),
        ("bitbucket", "https://bitbucket.org/acme/shop.git", f"https://bitbucket.org/acme/shop/src/{SHA}/edge/a%20b.kdl"),
        ("bitbucket-data-center", "https://bb.acme.example/scm/edge/shop.git", f"https://bb.acme.example/projects/edge/repos/shop/browse/edge/a%20b.kdl?at={SHA}"),
    ],
)  # fmt: skip
def test_a_file_is_linked_to_where_the_forge_shows_it(forge: str, repository: str, address: str) -> None:
    entry = replace(SHOP, forge=forge, repository=repository, path="edge")
    assert (
        forge_links.own_file(entry, SHA, "a b.kdl") == forge_links.file(entry, SHA, "edge/a b.kdl") == address
    )
    commit = forge_links.commit(entry, SHA)
    assert commit is not None
    assert SHA in commit


@pytest.mark.parametrize(
    ("forge", "repository"),
    [
        ("generic", "https://git.acme.example/edge/shop.git"),
        ("", "https://git.acme.example/edge/shop.git"),
        ("github", "http://127.0.0.1:8086/shop.git"),
        ("github", "git://git.acme.example/shop.git"),
        ("bitbucket-data-center", "https://bb.acme.example/shop.git"),
    ],
)
def test_where_the_forge_has_no_page_there_is_no_link(forge: str, repository: str) -> None:
    entry = replace(SHOP, forge=forge, repository=repository)
    assert forge_links.commit(entry, SHA) is None
    assert forge_links.branch(entry, "env/dev") is None
