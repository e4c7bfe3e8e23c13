"""Twilio's own client and we sign and prove alike, and it takes our fake for Twilio."""

from server.channels.sms.adapter import adapter
from server.channels.twilio.proof import signature
from tests.fakes.channels.sms import FakeSms
from tests.fakes.channels.twilio import ACCOUNT, CUSTOMER, NUMBER, TOKEN
from tests.sdks.sdk import ask_sdk

URL = "https://bot.example.com/hooks/sms/1?a=1&b=%C3%A9"
FORMS = [[("Body", "caf\u00e9 \u2615 & ="), ("From", CUSTOMER), ("a", ""), ("B", "2")], []]
ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def test_it_signs_as_we_do_and_takes_our_fake_for_twilio() -> None:
    signed = [
        {"url": url, "pairs": pairs, "algorithm": name, "signature": signature(TOKEN, url, pairs, ours)}
        for url in (URL, URL.replace(".com/", ".com:443/"))
        for pairs in FORMS
        for name, ours in ALGORITHMS.items()
    ]
    said = {"text": "Which? \u2615", "choices": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}
    messages = [{"body": part["Body"]} for part in adapter.render(said, {})]
    with FakeSms() as fake:
        told = ask_sdk(
            "twilio_messages",
            **{"account": ACCOUNT, "token": TOKEN, "api_url": fake.url, "to": CUSTOMER, "from": NUMBER},
            messages=messages,
            signed=signed,
        )
    assert told["takes"] == [True] * len(signed)
    assert told["signs"] == [one["signature"] for one in signed]
    assert (told["name"], told["sent"], told["refused"]) == ("Acme", [f"SM{1:032d}"], [400, 21211])
    assert fake.said[0].choices == ("Small", "Large")
