"""Which repository URLs reach libgit2."""

from __future__ import annotations

import pytest

from reconciler.errors import Refused
from reconciler.git.url import check_url, is_ssh, shown


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop.git",
        "https://git.example.com:8443/acme/shop",
        "http://127.0.0.1:8003/shop.git",
        "http://[::1]:8003/shop.git",
        "http://localhost:8003/shop.git",
        "ssh://git@git.example.com:2222/acme/shop.git",
        "ssh://git.example.com/acme/shop.git",
        "git@github.com:acme/shop.git",
    ],
)
def test_usual_urls_pass_unchanged(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=touch /tmp/x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "ext::sh",
        "file:///etc",
        "/srv/git/shop.git",
        "../shop.git",
        "shop.git",
        "C:\\git\\shop",
        "git://git.example.com/shop.git",
        "ftp://git.example.com/shop.git",
        "https:github.com/acme/shop.git",
        "https:///acme/shop.git",
        "https://git.example.com",
        "https://git.example.com/",
        "https://ada:s3cret@git.example.com/shop.git",
        "https://ada@git.example.com/shop.git",
        "ssh://git:s3cret@git.example.com/shop.git",
        "ssh://-oProxyCommand=id/shop.git",
        "ssh://-oProxy@git.example.com/shop.git",
        "git@-oProxy:shop.git",
        "git@git.example.com:-shop.git",
        "https://git.example.com/-x/shop.git",
        "https://git.example.com/shop.git\nHost: evil",
        "https://git.example.com/shop git",
        "https://git.example.com/shop.git\x00",
        "https://git.example.com/ш.git",
        "https://git.example.com/shop.git?x=1",
        "https://git.example.com/shop.git#x",
        "https://git.example.com:99999/shop.git",
        "https://" + "a" * 3000 + "/shop.git",
    ],
)
def test_every_other_form_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        check_url(url)
    assert refused.value.code == "E-GIT-001"
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.1",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "0.0.0.0",  # noqa: S104
        "100.100.100.200",
        "metadata.google.internal",
        "METADATA.google.internal.",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "ssh"])
def test_link_local_and_metadata_addresses_are_refused_in_every_spelling(scheme: str, host: str) -> None:
    with pytest.raises(Refused) as refused:
        check_url(f"{scheme}://{host}/latest/meta-data")
    assert refused.value.code == "E-GIT-002"


def test_user_information_is_never_shown() -> None:
    assert shown("https://ada:s3cret@git.example.com/shop.git") == "https://git.example.com/shop.git"
    assert shown("https://a@b:s3cret@git.example.com/x@y") == "https://git.example.com/x@y"
    assert "\n" not in shown("https://x/\ny")


def test_the_transport_is_told_apart_by_the_form() -> None:
    assert is_ssh("git@github.com:acme/shop.git")
    assert is_ssh("ssh://git@github.com/acme/shop.git")
    assert not is_ssh("https://github.com/acme/shop.git")
