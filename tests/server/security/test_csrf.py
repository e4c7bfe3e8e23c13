"""A forged request is told from our own."""

import pytest

from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.security.csrf import check_origin, make_token, token_fits

KEY = b"c" * 32
HOME = "http://localhost:8800"


def test_a_token_fits_its_session_only():
    session = uuid7()
    token = make_token(KEY, session)
    assert token_fits(KEY, session, token)
    assert not token_fits(KEY, uuid7(), token)
    assert not token_fits(b"d" * 32, session, token)


def test_each_page_has_another_token():
    session = uuid7()
    assert make_token(KEY, session) != make_token(KEY, session)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "\u0661\u0662", "A" * 64, "=" * 30])
def test_nonsense_fits_no_session(token: str):
    assert not token_fits(KEY, uuid7(), token)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": HOME, "host": "localhost:8800", "sec-fetch-site": "same-origin"},
        {"origin": "https://chat.example.com", "host": "chat.example.com"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_our_own_pages_may_send(headers: dict[str, str]):
    check_origin(headers, HOME, must_tell=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "host": "localhost:8800"},
        {"origin": "null", "host": "localhost:8800"},
        {"origin": "http://localhost:8801", "host": "localhost:8800"},
        {"origin": "https://evil.example@localhost:8800", "host": "localhost:8800"},
        {"origin": HOME, "host": "localhost:8800", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_may_not(headers: dict[str, str]):
    with pytest.raises(Problem) as caught:
        check_origin(headers, HOME)
    assert caught.value.status == 403


def test_a_form_has_to_say_where_it_comes_from_but_a_program_need_not():
    check_origin({}, HOME)
    with pytest.raises(Problem):
        check_origin({}, HOME, must_tell=True)
