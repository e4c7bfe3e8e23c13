"""Twilio's own client: signs and proves webhooks, and sends by a Messages API."""

import json
import sys
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

given = json.load(sys.stdin)


class Elsewhere(TwilioHttpClient):
    """Calls another host than Twilio's."""

    def request(self, method, url, *rest, **more):
        return super().request(method, given["api_url"] + urlsplit(url)._replace(scheme="", netloc="").geturl(), *rest, **more)


validator = RequestValidator(given["token"])
client = Client(given["account"], given["token"], http_client=Elsewhere())
sent = [client.messages.create(to=given["to"], from_=given["from"], **one).sid for one in given["messages"]]
try:
    client.messages.create(to="+15550000000", from_=given["from"], body="x")
    refused = None
except TwilioRestException as error:
    refused = [error.status, error.code]
found = {
    "takes": [validator.validate(one["url"], dict(one["pairs"]), one["signature"], one["algorithm"]) for one in given["signed"]],
    "signs": [validator.compute_signature(one["url"], dict(one["pairs"]), one["algorithm"]) for one in given["signed"]],
    "name": client.api.accounts(given["account"]).fetch().friendly_name,
    "sent": sent,
    "refused": refused,
}
json.dump(found, sys.stdout)
