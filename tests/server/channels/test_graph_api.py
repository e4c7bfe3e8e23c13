"""Where files of Meta may be got from: a made-up address must not see the channel's token."""

import pytest

from server.channels.graph_api import is_at_meta

HOSTS = ("lookaside.fbsbx.com", ".fbcdn.net")
OWN = {"graph_url": "http://127.0.0.1:9000"}


@pytest.mark.parametrize("url", ["https://lookaside.fbsbx.com/a", "https://scontent.x.fbcdn.net/b", "http://127.0.0.1:9000/c"])
def test_what_is_at_meta_may_be_asked(url: str) -> None:
    assert is_at_meta(url, OWN, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/unencrypted",
        "https://evil-fbcdn.net/x",
        "https://other.fbsbx.com/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "http://127.0.0.1:9001/another-port",
        "",
    ],
)
def test_what_only_looks_like_it_may_not(url: str) -> None:
    assert not is_at_meta(url, OWN, HOSTS)
