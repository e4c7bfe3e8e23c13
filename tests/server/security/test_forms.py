"""Where somebody goes after signing in."""

import pytest

from server.security.forms import local_path


@pytest.mark.parametrize("path", ["/", "/flows", "/flows/1?tab=test#n1", "/a/b%20c"])
def test_a_path_of_this_server_is_kept(path: str):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "flows",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "//evil.example\\@bot.example.com",
        "/\t/evil",
        "/a\nb",
        "javascript:1",
        "/x\\y",
    ],
)
def test_anything_else_leads_home(path: str):
    assert local_path(path) == "/"
