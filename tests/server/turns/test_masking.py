"""Secrets of calls do not show in traces."""

import pytest

from server.turns.masking import MASK, masked


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"headers": {"Authorization": "Bearer x", "Accept": "a"}}, {"headers": {"Authorization": MASK, "Accept": "a"}}),
        ({"headers": [{"name": "X-Api-Key", "value": "k"}]}, {"headers": [{"name": "X-Api-Key", "value": MASK}]}),
        ({"body": {"password": {"a": 1}, "user": "ada"}}, {"body": {"password": MASK, "user": "ada"}}),
        ({"url": "https://a.example/x?q=1&api_key=abc#t"}, {"url": f"https://a.example/x?q=1&api_key={MASK}#t"}),
        ({"url": "https://ada:pw@a.example/"}, {"url": f"https://{MASK}@a.example/"}),
        ({"input_tokens": 5, "tokens": 3, "text": "my token=1"}, {"input_tokens": 5, "tokens": 3, "text": "my token=1"}),
        ({"access_token": None, "client_secret": "s"}, {"access_token": None, "client_secret": MASK}),
        ([1, None, "x"], [1, None, "x"]),
    ],
)
def test_masked(value: object, shown: object) -> None:
    assert masked(value) == shown
